/** `bun build --compile`: one file that runs in an empty folder, as another user. */
import { chmodSync, copyFileSync } from "node:fs";
import { exchange } from "./exchange.ts";
import { Project } from "./project.ts";

/** The user `nobody` of most systems. */
const NOBODY = "65534";

/** Compiles the exchange in a project that has libipc, and runs it where nothing else is. Returns its size and its user. */
export async function checkExecutable(project: Project, bun: string): Promise<string> {
	project.add("exchange.mjs");
	await project.must([bun, "build", "--compile", "exchange.mjs", "--outfile", "exchange"]);
	const empty = new Project("executable");
	copyFileSync(project.path("exchange"), empty.path("exchange"));
	chmodSync(empty.path("exchange"), 0o755);
	using _ = project.hidden();
	const other = process.getuid?.() === 0 ? Bun.which("setpriv") : null;
	const as = other === null ? [] : [other, "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"];
	const side = { project: empty, command: [...as, "./exchange"] };
	await exchange(side, side);
	const size = `${(empty.bytes("exchange") / 1e6).toFixed(1)} MB`;
	return other === null
		? `${size}, as the same user: only root can run it as another one`
		: `${size}, as user ${NOBODY}`;
}
