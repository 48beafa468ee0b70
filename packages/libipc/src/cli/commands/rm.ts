import type { ListedName } from "libipc";
import { defineCommand } from "../command.ts";
import { Exit, usageError } from "../exit.ts";
import { printRemovals } from "../removal_output.ts";
import { removeName } from "../remove_names.ts";
import { kindFlag, selectNames, titleOf } from "../select_names.ts";

/** One word that is no pattern means one name: which one, must be clear. */
function refuseAmbiguous(words: readonly string[], names: readonly ListedName[]): void {
	for (const word of words) {
		const found = names.filter(({ name }) => name === word);
		if (found.length > 1)
			throw usageError(
				`"${word}" is ${found.length} names: ${found.map(titleOf).join(", ")}. Choose one with --kind or --prefix, or all with --all`,
			);
	}
}

export const rm = defineCommand({
	name: "rm",
	summary: "Removes names that no process uses; with --force also those in use",
	parameters: { usage: "NAME…", least: 1, most: Number.POSITIVE_INFINITY, completes: "names" },
	flags: {
		kind: kindFlag,
		force: { description: "Also removes names that processes have open", short: "f" },
		all: {
			description: "Removes all names that a NAME means, if it exists with several kinds or prefixes",
			short: "a",
		},
		dryRun: { description: "Removes nothing, and says what it would do", short: "n" },
	},
	description: [
		"Removes names of any state: what killed processes left, what another version of libipc left, and files that are damaged or foreign and block a name. A NAME may have * and ?, as in ls.",
		"A name that a process has open is refused, and so is a name of another version whose file a process has open. The decision is made under the lock of the name, so a process that opens the name at this moment keeps it. With --force the name is removed all the same: processes that have it open get ERR_IPC_ORPHANED, and the next open creates a new name.",
	],
	exits: {
		[Exit.failed]: "a name was refused, or belongs to another user; the others were removed",
		[Exit.notFound]: "one of the names does not exist; nothing was removed",
	},
	examples: [
		["libipc rm prices", "removes one name that was left"],
		["libipc rm --prefix shop 'job*'", "all names of a prefix that begin with job"],
		["libipc rm --kind mutex --force state", "a mutex whose owner will never unlock it"],
	],
	run({ parameters, flags, output }) {
		const names = selectNames({ names: parameters, prefix: flags.prefix, kind: flags.kind });
		if (!flags.all) refuseAmbiguous(parameters, names);
		return printRemovals(names, (name) => removeName(name, flags.force), flags.dryRun, flags.force, output);
	},
});
