import type { Command } from "./command.ts";
import { ls } from "./commands/ls.ts";

/** All commands, in the order in which the help lists them. */
export const commands: readonly Command[] = [ls];
