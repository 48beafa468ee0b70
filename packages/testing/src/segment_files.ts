import { readdirSync, readFileSync } from "node:fs";

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

/** How many segments this process has mapped. A file that was created without a name is shown without one, so all are counted. */
export function mappedSegments(): number {
	const maps = readFileSync("/proc/self/maps", "utf8").split("\n");
	return maps.filter((line) => line.includes(` ${DIRECTORY}/`)).length;
}
