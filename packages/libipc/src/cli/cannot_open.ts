import type { ListedName } from "libipc";
import { CommandFailure } from "./exit.ts";
import { titleOf } from "./select_names.ts";

const reasons: Readonly<Partial<Record<ListedName["state"], string>>> = {
	leftover: "no live process has it open: its processes were killed. `libipc clear` removes what they left",
	unfinished: "it is being created, or its creator was killed. Try again; `libipc doctor` says more",
	"other-version":
		"it was created by a libipc with another layout. Use the `libipc` command of that version: all programs that share names must have the same one",
	damaged: "its file is damaged. Its programs see ERR_IPC_CORRUPT; `libipc rm` removes it",
	foreign: "its file was not made by libipc. `libipc rm` removes it",
	denied: "it belongs to another user, and this user may not read it",
};

/** The failure of a command that cannot open a name in its state. */
export const cannotOpen = (name: ListedName): CommandFailure =>
	new CommandFailure(`${titleOf(name)} cannot be opened: ${reasons[name.state] ?? name.state}.`);
