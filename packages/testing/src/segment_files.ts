import { readdirSync } from "node:fs";

/** Where the native engine has its segments. */
export const DIRECTORY = process.platform === "darwin" ? "/var/tmp" : "/dev/shm";

/** The prefix itself, or a longer one: but not the prefix of a process whose number only begins with the same digits. */
export function isPrefixOf(prefix: string, longer: string): boolean {
	return longer.startsWith(prefix) && !/^\d/.test(longer.slice(prefix.length));
}

/** The files of a prefix and of longer ones. */
export function filesOf(prefix: string): string[] {
	return readdirSync(DIRECTORY).filter((file) => {
		const [library, , , ...rest] = file.split(".");
		return library === "libipc" && isPrefixOf(prefix, rest.join("."));
	});
}
