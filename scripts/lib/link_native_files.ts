import { mkdirSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { dirname, relative } from "node:path";
import { ADDON, targets } from "./targets.ts";

function link(path: string, to: string): void {
	const target = relative(dirname(path), to);
	try {
		if (readlinkSync(path) === target) return;
	} catch {} // there is none
	rmSync(path, { force: true });
	symlinkSync(target, path);
}

/**
 * Makes `packages/native/<target>`, where the sources find the library and the addon by the same path as in the published package:
 * links to what `bun run build` makes for this machine and `scripts/cross_compile.ts` for the others. A link may lead to a file that
 * was not made.
 *
 * @param root - The folder of the repository.
 */
export function linkNativeFiles(root: string): void {
	for (const { name, library } of targets) {
		const isOurs = name === `${process.platform}-${process.arch}`;
		const made = `${root}/native/build${isOurs ? "" : `/cross/${name}`}`;
		const folder = `${root}/packages/native/${name}`;
		mkdirSync(folder, { recursive: true });
		for (const file of [library, ADDON]) link(`${folder}/${file}`, `${made}/${file}`);
	}
}
