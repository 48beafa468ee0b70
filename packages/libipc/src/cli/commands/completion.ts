import { type Command, defineCommand } from "../command.ts";
import { completionScript, type Shell, shells } from "../completion_scripts.ts";
import { Exit, usageError } from "../exit.ts";

/**
 * The command `completion`.
 *
 * @param commands - Returns all commands, this one among them.
 */
export const completionOf = (commands: () => readonly Command[]): Command =>
	defineCommand({
		name: "completion",
		summary: "Prints a script with which bash, zsh or fish complete the command line",
		parameters: { usage: "SHELL", least: 1, most: 1, completes: shells },
		flags: {},
		description: [
			`Prints a script for SHELL: ${shells.join(", ")}. It completes commands, options, the values of options, and the names that exist on this machine. The program libipc must be in the PATH.`,
		],
		examples: [
			['eval "$(libipc completion bash)"', "in ~/.bashrc"],
			["libipc completion zsh > ~/.zfunc/_libipc", "a folder of fpath, before compinit"],
			["libipc completion fish > ~/.config/fish/completions/libipc.fish", "for all new shells"],
		],
		run({ parameters: [wanted], output }) {
			const shell = shells.find((each): each is Shell => each === wanted);
			if (shell === undefined) throw usageError(`knows ${shells.join(", ")}, not "${wanted}"`);
			const script = completionScript(shell, commands());
			if (output.isJson) output.value({ shell, script: script.join("\n") });
			else for (const line of script) output.line(line);
			return Exit.fine;
		},
	});
