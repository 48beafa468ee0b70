import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Machine, machine } from "./machine.ts";

/** What a result has to say about how it was measured. */
export interface Origin {
	readonly machine: Machine;
	/** The commit of the sources, with "-dirty" if they differ from it. */
	readonly commit: string;
	/** The command line. */
	readonly command: string;
}

/** @param name the command without its arguments, as a user types it */
function origin(name: string): Origin {
	return { machine: machine(), commit: commit(), command: [name, ...process.argv.slice(2)].join(" ") };
}

function commit(): string {
	try {
		const directory = fileURLToPath(new URL(".", import.meta.url));
		return execFileSync("git", ["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"], {
			cwd: directory,
			encoding: "utf8",
			stdio: ["ignore", "pipe", "ignore"],
		}).trim();
	} catch {
		return "unknown";
	}
}

/** Writes the results of a command as JSON, after machine, commit and command. Does nothing without a file name. */
export function writeResult(file: string | undefined, name: string, results: object): void {
	if (file !== undefined) writeFileSync(file, `${JSON.stringify({ ...origin(name), ...results }, null, "\t")}\n`);
}
