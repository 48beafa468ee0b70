import { engine } from "libipc";
import { defineCommand } from "../command.ts";
import type { Finding, Grade } from "../doctor/finding.ts";
import { checkFolder, checkMemoryLimit } from "../doctor/folder.ts";
import { checkEngine, checkEnvironment, checkLibrary } from "../doctor/library.ts";
import { checkLimits } from "../doctor/limits.ts";
import { checkNames } from "../doctor/names.ts";
import { checkNamespaces, checkProcessors, checkRuntime } from "../doctor/runtime.ts";
import { selfTest } from "../doctor/self_test.ts";
import { Exit } from "../exit.ts";
import { counted } from "../format.ts";
import type { Output, Style } from "../output.ts";
import { packageVersion } from "../package_version.ts";
import { wrapped } from "../table.ts";
import { thisProgram } from "../this_program.ts";

const styles: Readonly<Record<Grade, Style>> = { ok: "green", warning: "yellow", problem: "red" };
const TITLE = 9;
const ABOUT = 16;

/** All findings, without the self-test. Those that need the library come after the engine, and are left out if there is none. */
function examine(): Finding[] {
	const findings = [checkRuntime(), checkEngine()];
	const isNative = findings.every(({ grade }) => grade !== "problem");
	const folder = isNative ? engine().directory : process.env.LIBIPC_DIR || "/dev/shm";
	const inFolder = checkFolder(folder);
	findings.push(...inFolder);
	// Both read names, which needs a folder.
	if (isNative && inFolder.every(({ grade }) => grade !== "problem")) findings.push(...checkNames());
	return [
		...findings,
		...checkLibrary(packageVersion()),
		...checkEnvironment(),
		...checkMemoryLimit(),
		...checkLimits(),
		...checkProcessors(),
		...checkNamespaces(),
	];
}

function print(findings: readonly Finding[], output: Output): void {
	for (const { about, grade, found, advice } of findings) {
		const [first = "", ...more] = wrapped(found, output.width, TITLE + ABOUT);
		output.line(output.styled(styles[grade], grade.padEnd(TITLE)) + about.padEnd(ABOUT) + first.trimStart());
		for (const line of more) output.line(line);
		if (advice === undefined) continue;
		const [head = "", ...tail] = wrapped(`→ ${advice}`, output.width, TITLE + ABOUT);
		output.line(head);
		for (const line of tail) output.line(`  ${line}`);
	}
}

export const doctor = defineCommand({
	name: "doctor",
	summary: "Checks whether libipc works on this machine, and says what to change",
	flags: { quick: { description: "Leaves out the self-test, which takes about a second", short: "q" } },
	description: [
		"Looks at the runtime, at the engine that it uses and why, at the folder of the names (access, file system, space), at the limits of this process and its container, at namespaces, and at what programs have left. Then two processes exchange messages, one wakes the event loop of the other, and one is killed while it holds a lock.",
		"Each line is ok, warning (libipc works, and may not always) or problem (libipc does not work, or not with other processes), with what to change. It changes nothing.",
	],
	exits: { [Exit.failed]: "there is a problem; warnings are none" },
	examples: [
		["libipc doctor", "all checks"],
		["LIBIPC_DIR=/mnt/shm libipc doctor", "the same for another folder; or with --dir"],
		["libipc doctor --json --quick", "for programs: { fine, findings: [{ about, grade, found, advice }] }"],
	],
	async run({ flags, output }) {
		const findings = examine();
		if (!flags.quick && findings.every(({ grade }) => grade !== "problem"))
			findings.push(...(await selfTest(thisProgram())));
		const count = (wanted: Grade): number => findings.filter(({ grade }) => grade === wanted).length;
		const fine = count("problem") === 0;
		if (output.isJson) output.value({ fine, findings });
		else {
			print(findings, output);
			output.line();
			output.line(`${counted(count("problem"), "problem")}, ${counted(count("warning"), "warning")}`);
		}
		return fine ? Exit.fine : Exit.failed;
	},
});
