import { type Instance, instance } from "./instance.ts";

interface Skip {
	/** Why these cases cannot run there. It is printed with their number. */
	readonly reason: string;
	readonly where: (instance: Instance) => boolean;
	/** Titles of cases, or of groups of cases. The titles of groups come first: `group > case`. */
	readonly cases: readonly (string | RegExp)[];
}

/** Every case that does not run on every instance. There is no other way to skip one. */
const skip: readonly Skip[] = [];

function matches(pattern: string | RegExp, title: string): boolean {
	return typeof pattern === "string" ? title === pattern || title.startsWith(`${pattern} > `) : pattern.test(title);
}

/** Why the case with this title does not run on this instance; undefined: it runs. */
export function reasonToSkip(title: string): string | undefined {
	return skip.find(({ where, cases }) => where(instance) && cases.some((pattern) => matches(pattern, title)))?.reason;
}
