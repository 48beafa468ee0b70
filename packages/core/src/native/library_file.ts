import { closeSync, fstatSync, openSync, readSync } from "node:fs";

const ELF = 0x7f454c46;
/** Of 64 bits, with the bytes of a number in the order of x64 and arm64. */
const MACH_O = 0xcffaedfe;

/** `e_machine` of elf(5), and `cputype` of Mach-O, by the names of `process.arch`. */
const MACHINES: Readonly<Record<number, string>> = { 3: "ia32", 40: "arm", 62: "x64", 183: "arm64", 243: "riscv64" };
const CPUS: Readonly<Record<number, string>> = { 16777223: "x64", 16777228: "arm64" };

function readStart(path: string): { readonly start: DataView; readonly size: number } {
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
function targetOf(path: string): readonly [system: string, machine: string] | undefined {
	const { start } = readStart(path);
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
export function isCutOff(path: string): boolean {
	const { start, size } = readStart(path);
	const isLittle = start.getUint8(5) === 1;
	if (start.getUint32(0) !== ELF || start.getUint8(4) !== 2) return false; // not of 64 bits: it is refused for that
	const end = Number(start.getBigUint64(40, isLittle)) + start.getUint16(58, isLittle) * start.getUint16(60, isLittle);
	return end > size;
}

/**
 * Why the system could not load a library that exists: a sentence with a space before it; "": nothing is known. What the system says
 * is often wrong: of a library for another processor, that there is no such file.
 *
 * @param reason - What the system said.
 */
export function unloadableHint(path: string, reason: string): string {
	try {
		const target = targetOf(path);
		if (!target) return " It is not a library of Linux or macOS.";
		const here = [process.platform, process.arch];
		if (target.join() !== here.join())
			return ` It is for ${target.join(" ")}, and this process is ${here.join(" ")}: use a library that was built for this machine.`;
	} catch (error) {
		return ` It cannot be read: ${error instanceof Error ? error.message : String(error)}.`;
	}
	if (reason.includes("libc.musl")) return " It was built for musl (Alpine), and this process uses another C library.";
	if (/GLIBC_|libc\.so\.6|ld-linux/.test(reason))
		return " It was built for glibc, maybe a newer one, and this process uses another C library: build it on this system.";
	if (reason.includes("failed to map segment"))
		return " Its file system may be mounted noexec, or a security module forbids it.";
	if (reason.includes("cannot open shared object file"))
		return " A library that it needs may be missing (ldd shows which).";
	return "";
}
