/** What a library must and must not have, to be published. */
import { homedir } from "node:os";
import { abiFunctions } from "./abi_functions.ts";
import { root } from "./repository.ts";
import type { SharedObject } from "./shared_object.ts";
import { ADDON, GLIBC_FLOOR, libraryName, MACOS_FLOOR, type Target } from "./targets.ts";

/** What a library may need. The loader of glibc gives each thread its own variables. */
const SYSTEM_LIBRARIES = {
	glibc: [
		...["libc.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1"],
		...["ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"],
	],
	musl: ["libc.so"],
	darwin: ["/usr/lib/libSystem.B.dylib"],
} as const;

/** What the linker of Zig adds to each library of macOS. */
const LINKER_NAMES = ["__dso_handle", "_mh_dylib_header"];

/** What Node looks up in an addon. */
const ADDON_FUNCTIONS = ["napi_register_module_v1", "node_api_module_get_api_version_v1"];

/** Whether a version is newer than another one. */
export const isNewer = (version: string, floor: string): boolean =>
	version.localeCompare(floor, "en", { numeric: true }) > 0;

function compareNames(problems: string[], found: readonly string[], wanted: readonly string[]): void {
	const foreign = found.filter((name) => !wanted.includes(name));
	const missing = wanted.filter((name) => !found.includes(name));
	if (foreign.length > 0) problems.push(`exports what it should not: ${foreign.slice(0, 5).join(", ")}`);
	if (missing.length > 0) problems.push(`does not export: ${missing.slice(0, 5).join(", ")}`);
}

function checkSystem(problems: string[], target: Target, object: SharedObject): void {
	const { platform, arch, needed, versions } = object;
	if (platform !== target.platform || arch !== target.arch) problems.push(`is for ${platform} ${arch}`);
	const allowed: readonly string[] =
		SYSTEM_LIBRARIES[target.platform === "darwin" ? "darwin" : target.isMusl ? "musl" : "glibc"];
	for (const library of needed) if (!allowed.includes(library)) problems.push(`needs ${library}`);
	const floor = target.platform === "darwin" ? `macOS ${MACOS_FLOOR}` : `GLIBC_${GLIBC_FLOOR}`;
	for (const version of versions)
		if (isNewer(version, floor)) problems.push(`needs ${version}, and ${floor} is the oldest`);
	if (target.platform === "darwin" && versions.length === 0) problems.push("does not say which macOS it needs");
}

/** What is wrong with a library or addon of a target. `bytes` are those of `object`. */
export function problemsOf(target: Target, file: string, bytes: Buffer, object: SharedObject): string[] {
	const problems: string[] = [];
	checkSystem(problems, target, object);
	const exported = object.exported.filter((name) => target.platform === "linux" || !LINKER_NAMES.includes(name));
	if (file === ADDON) {
		compareNames(problems, exported, ADDON_FUNCTIONS);
		if (target.platform === "darwin" && object.name !== `@rpath/${ADDON}`)
			problems.push(`is called ${object.name} inside`);
	} else {
		compareNames(problems, exported, abiFunctions);
		const name = libraryName[target.platform];
		if (object.name !== name) problems.push(`is called ${object.name ?? "nothing"} inside, not ${name}`);
		// Zig has a memcpy, which is much slower than that of the system.
		if (!object.imported.includes("memcpy")) problems.push("does not use memcpy of the system");
	}
	// The linker of Zig for macOS keeps the names of functions that are not exported.
	if (target.platform === "linux" && !object.isStripped) problems.push("has symbols that the loader does not need");
	if (target.platform === "darwin" && target.arch === "arm64" && !object.isSigned) problems.push("has no signature");
	for (const path of [root, homedir()])
		if (path.length > 1 && bytes.includes(path)) problems.push(`contains the path ${path} of this machine`);
	return problems;
}
