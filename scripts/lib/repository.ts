import { fileURLToPath } from "node:url";

/** The root of the repository. Commands run in it. */
export const root: string = fileURLToPath(new URL("../..", import.meta.url));
