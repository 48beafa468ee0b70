import { scale } from "@libipc/testing/scale";
import { transport } from "@libipc/testing/transport";

/** How often the programs of a test repeat something. Threads find nothing in more rounds that processes do not find. */
export const rounds = (full: number, least: number): number => (transport === "threads" ? least : scale(full, least));

/** How many programs a test kills at random moments. */
export const kills = rounds(100, 12);
