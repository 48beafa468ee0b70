import type { ListedEndpoint, ListedName } from "libipc";

/**
 * How long endpoints hold what they hold, as far as several looks at them can show. Shared memory does not record when a lock was
 * taken, or a message of a queue: that would be a reading of the clock on each lock, and on each message.
 */

/** What was seen of an endpoint that holds something. */
export interface Held {
	/** Milliseconds since the first look that found it with what it holds now. */
	readonly since: number;
	/**
	 * Whether it has held it all that time. So it is with one message of a queue: if it is taken again, it has one attempt more. A lock
	 * may have been unlocked and locked again between two looks.
	 */
	readonly certain: boolean;
}

/** What it holds now, as text that changes if it holds something else; `undefined`: nothing. */
function holdOf(name: ListedName, { role, holds, attempts, exclusive, lag }: ListedEndpoint): string | undefined {
	// The place of its oldest message in all that was ever written.
	if (name.kind === "queue") return role === "receiver" && holds > 0 ? `${name.written - lag} ${attempts}` : undefined;
	// The pending ids of a Signal are held by nobody.
	if (holds === 0 || name.kind === "signal") return undefined;
	return exclusive ? "exclusive" : `shared ${holds}`;
}

interface Seen {
	readonly hold: string;
	readonly at: number;
}

/** Compares what endpoints hold in one look after another. */
export class HoldWatch {
	#seen = new Map<string, Seen>();
	#now = 0;

	static #keyOf(name: ListedName, endpoint: ListedEndpoint): string {
		return JSON.stringify([name.kind, name.prefix, name.name, endpoint.instance]);
	}

	/** A look that began and ended at these times, in milliseconds. What it found was true at a moment between them. */
	look(names: readonly ListedName[], began: number, ended: number): void {
		const seen = new Map<string, Seen>();
		for (const name of names)
			for (const endpoint of name.endpoints) {
				const hold = holdOf(name, endpoint);
				if (hold === undefined) continue;
				const key = HoldWatch.#keyOf(name, endpoint);
				const before = this.#seen.get(key);
				seen.set(key, before?.hold === hold ? before : { hold, at: ended });
			}
		this.#seen = seen;
		this.#now = began;
	}

	/** How long an endpoint of the last look holds what it holds; `undefined`: it holds nothing. */
	of(name: ListedName, endpoint: ListedEndpoint): Held | undefined {
		const seen = this.#seen.get(HoldWatch.#keyOf(name, endpoint));
		return seen && { since: Math.max(0, this.#now - seen.at), certain: name.kind === "queue" && endpoint.holds === 1 };
	}
}
