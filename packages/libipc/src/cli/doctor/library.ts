import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { engine, IpcError } from "libipc";
import { type Finding, ok, problem, warning } from "./finding.ts";
import { readText } from "./read_text.ts";

/** Which engine this process uses, and why. */
export function checkEngine(): Finding {
	try {
		const { name, reason } = engine();
		if (name === "native") return ok("engine", "native: names are shared with other processes");
		return problem("engine", "sab: names are shared only between the threads of a process", reason);
	} catch (error) {
		if (!(error instanceof IpcError)) throw error;
		return problem("engine", `none (${error.code})`, error.message);
	}
}

/** The native library and the addon that this process has loaded. */
function loadedFiles(): string[] {
	const maps = readText("/proc/self/maps") ?? "";
	const files = maps.split("\n").flatMap((line) => line.match(/\/\S*libipc\S*\.(?:so|node|dylib)\S*$/)?.[0] ?? []);
	return [...new Set(files)];
}

/** The SHA-256 of the files of the package; `undefined`: this is the repository. */
function publishedChecksums(): ReadonlySet<string> | undefined {
	try {
		const list = readFileSync(new URL("../../../native/checksums.json", import.meta.url), "utf8");
		return new Set(Object.values(JSON.parse(list) as Record<string, string>));
	} catch {
		return undefined;
	}
}

/** Whether the loaded library is that of the package. Call it when the library has been used. */
export function checkLibrary(version: string): Finding[] {
	const files = loadedFiles();
	if (files.length === 0) return [ok("library", `package ${version}`)];
	const published = publishedChecksums();
	return files.map((file) => {
		const found = `package ${version}, ${file}`;
		if (published === undefined) return ok("library", `${found} (not from a package)`);
		const sum = createHash("sha256").update(readFileSync(file)).digest("hex");
		if (published.has(sum)) return ok("library", found);
		return warning(
			"library",
			`${found} is not a file of the package`,
			process.env.LIBIPC_LIBRARY
				? "LIBIPC_LIBRARY names it; leave it out for that of the package."
				: "Install the package again.",
		);
	});
}

/** The variables that change what libipc does. */
export function checkEnvironment(): Finding[] {
	const set = ["LIBIPC_DIR", "LIBIPC_PREFIX", "LIBIPC_ENGINE", "LIBIPC_LIBRARY", "LIBIPC_SIGNALS"].filter(
		(name) => process.env[name] !== undefined,
	);
	return set.length === 0 ? [] : [ok("environment", set.map((name) => `${name}=${process.env[name]}`).join(", "))];
}
