/** Loaded when it is needed: in Bun that takes longer than to load the library. */
const fs = (): typeof import("node:fs") => process.getBuiltinModule("node:fs");

const ELF = 0x7f454c46;
/** Of 64 bits, with the bytes of a number in the order of x64 and arm64. */
const MACH_O = 0xcffaedfe;

/** `e_machine` of elf(5), and `cputype` of Mach-O, by the names of `process.arch`. */
const MACHINES: Readonly<Record<number, string>> = { 3: "ia32", 40: "arm", 62: "x64", 183: "arm64", 243: "riscv64" };
const CPUS: Readonly<Record<number, string>> = { 16777223: "x64", 16777228: "arm64" };

/** Whether a file is inside of the executable that `bun build --compile` made. It cannot be opened, but Bun can load it. */
const isInExecutable = (path: string): boolean => path.startsWith("/$bunfs/");

function readStart(path: string): { readonly start: DataView; readonly size: number } {
	const { openSync, readSync, fstatSync, closeSync } = fs();
	const file = openSync(path, "r");
	try {
		const start = new Uint8Array(64);
		readSync(file, start, 0, start.byteLength, 0);
		return { start: new DataView(start.buffer), size: fstatSync(file).size };
	} finally {
		closeSync(file);
	}
}

/** What a library is for, as far as its first bytes say: `["linux", "arm64"]`; `undefined`: they are not those of a library. */
function targetOf(start: DataView): readonly [system: string, machine: string] | undefined {
	const magic = start.getUint32(0);
	if (magic === ELF) {
		const machine = start.getUint16(18, start.getUint8(5) !== 2);
		return ["linux", MACHINES[machine] ?? `machine ${machine}`];
	}
	if (magic !== MACH_O) return undefined;
	const cpu = start.getUint32(4, true);
	return ["darwin", CPUS[cpu] ?? `processor ${cpu}`];
}

/**
 * Whether a library of Linux lacks its end, as after a download that broke off: to load it would end the process (SIGBUS). Its last
 * part are the section headers: `e_shoff`, `e_shentsize` and `e_shnum` of elf(5).
 */
function isCutOff(start: DataView, size: number): boolean {
	const isLittle = start.getUint8(5) === 1;
	if (start.getUint32(0) !== ELF || start.getUint8(4) !== 2) return false; // not of 64 bits: it is refused for that
	const end = Number(start.getBigUint64(40, isLittle)) + start.getUint16(58, isLittle) * start.getUint16(60, isLittle);
	return end > size;
}

/** What a file is before it is loaded. `forbidden`: Node's permission model does not let this process look. */
export type FileState = "missing" | "forbidden" | "incomplete" | "complete";

/**
 * Looks at the size or the first bytes of a library. A file that cannot be read is complete, as far as is known.
 *
 * @param publishedBytes - What the published file has: with that size, it is complete.
 */
export function stateOf(path: string, publishedBytes?: number): FileState {
	if (isInExecutable(path)) return "complete";
	if (publishedBytes !== undefined && globalThis.Bun?.file(path).size === publishedBytes) return "complete";
	try {
		const { start, size } = readStart(path);
		return isCutOff(start, size) ? "incomplete" : "complete";
	} catch (error) {
		const code = (error as NodeJS.ErrnoException).code;
		if (code === "ENOENT" || code === "ENOTDIR") return "missing";
		return code === "ERR_ACCESS_DENIED" ? "forbidden" : "complete";
	}
}

/**
 * Whether a file probably does not exist. Only Bun says so at once: there, `node:fs` takes longer than to load a library. An empty
 * file, or one in a folder that may not be searched, looks the same.
 */
export const seemsMissing = (path: string): boolean => !isInExecutable(path) && globalThis.Bun?.file(path).size === 0;

type LibC = "glibc" | "musl";

/** The C library that a library needs, by the names in its table of strings; `undefined`: it has neither. */
function neededLibC(path: string): LibC | undefined {
	const bytes = fs().readFileSync(path);
	if (bytes.includes("\0libc.so.6\0")) return "glibc";
	return bytes.includes("\0libc.so\0") || bytes.includes("\0libc.musl-") ? "musl" : undefined;
}

/** The C library of this process; `undefined`: the system does not say. */
function ourLibC(): LibC | undefined {
	try {
		const maps = fs().readFileSync("/proc/self/maps", "latin1");
		if (/\/(?:ld-musl-|libc\.musl-)/.test(maps)) return "musl";
		return maps.includes("/libc.so.6") || maps.includes("/ld-linux") ? "glibc" : undefined;
	} catch {
		return undefined;
	}
}

const NAMES: Readonly<Record<LibC, string>> = { glibc: "glibc", musl: "musl (Alpine)" };

function wrongLibC(path: string): string {
	const needed = neededLibC(path);
	const ours = ourLibC();
	if (needed === undefined || ours === undefined || needed === ours) return "";
	return ` It was built for ${NAMES[needed]}, and this process uses ${NAMES[ours]}: use a library that was built for that.`;
}

/**
 * Why the system could not load a library that exists: a sentence with a space before it; "": nothing is known. What the system says
 * is often wrong: of a library for another processor, that there is no such file.
 *
 * @param reason - What the system said.
 */
export function unloadableHint(path: string, reason: string): string {
	if (isInExecutable(path))
		return " Bun copies it to the folder for temporary files, which must be writable and allow programs (not noexec): set TMPDIR to such a folder.";
	try {
		const target = targetOf(readStart(path).start);
		if (!target) return " It is not a library of Linux or macOS.";
		const here = [process.platform, process.arch];
		if (target.join() !== here.join())
			return ` It is for ${target.join(" ")}, and this process is ${here.join(" ")}: use a library that was built for this machine.`;
		const wrong = wrongLibC(path);
		if (wrong !== "") return wrong;
	} catch (error) {
		return ` It cannot be read: ${error instanceof Error ? error.message : String(error)}.`;
	}
	if (reason.includes("GLIBC_"))
		return " It was built for a newer glibc than this system has: build it on this system.";
	if (reason.includes("failed to map segment"))
		return " Its file system may be mounted noexec, or a security module forbids it.";
	if (reason.includes("cannot open shared object file") || reason.includes("Error loading shared library"))
		return " A library that it needs may be missing (ldd shows which).";
	return "";
}
