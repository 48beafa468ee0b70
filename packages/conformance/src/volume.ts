import { scale } from "@libipc/testing/scale";
import { instance } from "./instance.ts";

const isThreads = instance.transport === "threads";

/** How often the programs of a test repeat something. Threads find nothing in more rounds that processes do not find. */
export const rounds = (full: number, least: number): number => (isThreads ? least : scale(full, least));

/** How many programs a test kills at random moments. Programs of Node take several times as long to start. */
export const kills: number = rounds(instance.runtime === "bun" && !instance.isMixed ? 100 : 24, 12);

/** For a test with that many kills, in ms. */
export const KILLS_TIMEOUT = 30_000 + 2000 * kills;
