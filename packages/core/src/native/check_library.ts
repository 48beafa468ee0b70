import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { pathOf, place } from "./native_files.ts";

/** What {@link checkLibrary} found. */
export interface LibraryCheck {
	/** The library. */
	readonly path: string;
	/** The SHA-256 of its bytes, in hexadecimal. */
	readonly sha256: string;
	/**
	 * `published`: the package lists a file with these bytes. `foreign`: it does not: somebody has built the library, or changed it.
	 * `unknown`: there is no list: in the repository, and in a bundle.
	 */
	readonly origin: "published" | "foreign" | "unknown";
	/** The file that the package lists with these bytes, by its path in `native/`: `linux-x64/libipc.so`. */
	readonly file?: string;
}

/** The SHA-256 of each file by its path in `native/`, from `native/checksums.json`, which `bun run pack` writes. */
function publishedChecksums(): Readonly<Record<string, string>> | undefined {
	if (place === "bundle") return undefined;
	try {
		const list = pathOf(new URL("../../../native/checksums.json", import.meta.url));
		return JSON.parse(readFileSync(list, "utf8")) as Readonly<Record<string, string>>;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
		throw error;
	}
}

/**
 * Compares a native library with what was published. Nothing does that without being asked: it reads the whole file.
 *
 * @throws What the system says, if the file cannot be read.
 *
 * @internal
 */
export function checkLibrary(path: string): LibraryCheck {
	const sha256 = createHash("sha256").update(readFileSync(path)).digest("hex");
	const published = publishedChecksums();
	if (published === undefined) return { path, sha256, origin: "unknown" };
	const file = Object.keys(published).find((each) => published[each] === sha256);
	return file === undefined ? { path, sha256, origin: "foreign" } : { path, sha256, origin: "published", file };
}
