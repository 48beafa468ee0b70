import { Channel, Queue, Route } from "./under_test.ts";

/** The factory of a kind, for programs that are told it in words. */
export const factories = { route: Route, channel: Channel, queue: Queue } as const;

export type Kind = keyof typeof factories;

/** Names of one test file, unique to this process. */
export class Names {
	readonly prefix: string;
	readonly #used: string[] = [];

	constructor(file: string) {
		this.prefix = `${file}${process.pid}`;
	}

	next(): string {
		const name = `n${this.#used.length}`;
		this.#used.push(name);
		return name;
	}

	/** Removes what is left of all of them. */
	clear(): void {
		for (const name of this.#used)
			for (const factory of Object.values(factories)) factory.clear(name, { prefix: this.prefix });
	}
}
