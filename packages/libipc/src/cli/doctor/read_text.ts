import { readFileSync, readlinkSync } from "node:fs";

/** The text of a file of the system, without the line end; `undefined`: there is none, or this user may not read it. */
export function readText(path: string): string | undefined {
	try {
		return readFileSync(path, "utf8").trim();
	} catch {
		return undefined;
	}
}

/** Where a link of the system leads; `undefined`: there is none. */
export function readLink(path: string): string | undefined {
	try {
		return readlinkSync(path);
	} catch {
		return undefined;
	}
}
