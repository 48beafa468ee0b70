import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { toolFolder } from "../../../../scripts/lib/tool.ts";

/** The URL of the module zeromq, which the first call installs from npm. @throws Error if that fails. */
export function zeroMqModule(): string {
	return pathToFileURL(join(toolFolder("zeromq"), "node_modules/zeromq/lib/index.js")).href;
}
