import { readFileSync } from "node:fs";

/** The version of the package. Its file is two folders above the sources, and three above the bundle in `dist/libipc/cli`. */
export function packageVersion(): string {
	for (const path of ["../../package.json", "../../../package.json"])
		try {
			const { name, version } = JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));
			if (name === "libipc") return String(version);
		} catch {
			// The other depth.
		}
	return "unknown";
}
