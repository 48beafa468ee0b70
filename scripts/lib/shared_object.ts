/** What a shared library says about itself. */
export interface SharedObject {
	readonly platform: "linux" | "darwin";
	/** As `process.arch`, or a number that this project does not know. */
	readonly arch: string;
	/** SONAME of Linux, install name of macOS; undefined if there is none. */
	readonly name: string | undefined;
	/** The libraries that the loader has to find. */
	readonly needed: readonly string[];
	/** The versions of symbols that it needs, for example `GLIBC_2.17`; of macOS: the oldest system, for example `macOS 11.0`. */
	readonly versions: readonly string[];
	/** The names that others can use, sorted. */
	readonly exported: readonly string[];
	/** The names that the loader has to find elsewhere, sorted. */
	readonly imported: readonly string[];
	/** Whether it has no symbols but those that the loader needs. */
	readonly isStripped: boolean;
	/** Whether it has a code signature, without which macOS on arm64 loads nothing. */
	readonly isSigned: boolean;
}

/** Text that ends with a zero byte. */
export function textAt(bytes: Uint8Array, offset: number): string {
	return new TextDecoder().decode(bytes.subarray(offset, bytes.indexOf(0, offset)));
}
