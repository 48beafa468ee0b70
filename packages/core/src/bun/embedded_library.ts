import { pathOf, place, targetsHere } from "../native/native_files.ts";

/**
 * What `bun build` made out of a library: `/$bunfs/root/…` in an executable, a path from the bundle's file elsewhere. Bun's bundler
 * replaces a literal `require` of a library by its path. It keeps only the branch of the target if that is known (`--compile`), and a
 * `require` in a `try` may be without its file. Outside of a bundle these calls throw, because a library is not JavaScript.
 */
function forGlibcOrMacos(): unknown {
	try {
		if (process.platform === "linux") {
			if (process.arch === "x64") return require("../../../native/linux-x64/libipc.so");
			if (process.arch === "arm64") return require("../../../native/linux-arm64/libipc.so");
		}
		if (process.platform === "darwin") {
			if (process.arch === "x64") return require("../../../native/darwin-x64/libipc.dylib");
			if (process.arch === "arm64") return require("../../../native/darwin-arm64/libipc.dylib");
		}
	} catch {}
	return undefined;
}

function forMusl(): unknown {
	try {
		if (process.platform === "linux") {
			if (process.arch === "x64") return require("../../../native/linux-x64-musl/libipc.so");
			if (process.arch === "arm64") return require("../../../native/linux-arm64-musl/libipc.so");
		}
	} catch {}
	return undefined;
}

/** Whether a path is inside of an executable. Bun itself copies the file to the folder for temporary files when it is loaded. */
const isEmbedded = (path: string): boolean => path.startsWith("/$bunfs/");

/** The path of what the bundler has put beside its output. An absolute path is one of a web server (`--public-path`). */
function pathOfAsset(asset: unknown): string | undefined {
	if (typeof asset !== "string") return undefined;
	if (isEmbedded(asset)) return asset;
	return asset.startsWith("./") || asset.startsWith("../") ? pathOf(new URL(asset, import.meta.url)) : undefined;
}

/**
 * The libraries in the bundle that this module is in, the likelier first. None, where it is not in a bundle. An executable with
 * bytecode still has the URL that this module had when it was built.
 */
export function embeddedLibraries(): readonly string[] {
	if (place !== "bundle" && Bun.embeddedFiles.length === 0) return [];
	return targetsHere()
		.map((name) => pathOfAsset(name.endsWith("-musl") ? forMusl() : forGlibcOrMacos()))
		.filter((path) => path !== undefined);
}
