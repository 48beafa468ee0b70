/** `require("libipc")`: programs/required.cjs. */
import { claim } from "./checks.ts";
import type { Project } from "./project.ts";
import type { Runtime } from "./runtimes.ts";

export async function checkRequired(project: Project, runtime: Runtime): Promise<string> {
	project.add("required.cjs");
	const output = await project.must([...runtime.command, "required.cjs", `install-${process.pid}-required`]);
	claim(output === "42.17\n", `it printed "${output}"`);
	return "";
}
