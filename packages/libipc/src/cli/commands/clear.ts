import { clear as clearLeftovers, type ListedName, list } from "libipc";
import { defineCommand } from "../command.ts";
import { Exit, usageError } from "../exit.ts";
import { printRemovals } from "../removal_output.ts";
import { isLeftover, removeName } from "../remove_names.ts";

export const clear = defineCommand({
	name: "clear",
	summary: "Removes what killed processes left",
	flags: {
		all: {
			description:
				"Without a prefix, also removes locks that were left locked, and robust semaphores with permits that were not given back",
			short: "a",
		},
		force: { description: "Removes all names of the prefix, also those in use, damaged and foreign ones", short: "f" },
		dryRun: { description: "Removes nothing, and says what it would do", short: "n" },
	},
	description: [
		"Removes the names that no live process has open, and the small files of processes that have ended. It is not needed for correctness: the next open of a name replaces what was left. It frees memory.",
		"It never removes a name that a process has open or is opening, unless --force is given together with a prefix. Files that are damaged or foreign stay: rm removes them by their names.",
		"Without a prefix it concerns the names of all programs of this machine. Then it keeps locks that were left locked, because their next owner has to learn that the last one was killed; --all removes them, too.",
	],
	exits: { [Exit.failed]: "a name was refused (only with --force), or the folder cannot be read" },
	examples: [
		["libipc clear --dry-run", "what would be removed"],
		["libipc clear --prefix shop", "what one program left"],
	],
	run({ flags, output }) {
		const { prefix } = flags;
		if (flags.force) {
			if (prefix === undefined) throw usageError("removes names in use only with --prefix");
			return printRemovals(list({ prefix }), (name) => removeName(name, true), flags.dryRun, true, output);
		}
		const removed = flags.dryRun ? list({ prefix }).filter(isLeftover) : cleared(prefix, flags.all);
		if (!output.isJson && removed.length === 0) output.note("There is nothing to remove.");
		return printRemovals(removed, (name) => ({ name }), flags.dryRun, true, output);
	},
});

/** With a filter, the library gives no warning that it concerned all programs: this command says what it removed. */
const cleared = (prefix: string | undefined, all: boolean): ListedName[] =>
	clearLeftovers(all && prefix === undefined ? { all } : { prefix, filter: () => true });
