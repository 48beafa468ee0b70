import type { Frame } from "./broadcast_frame.ts";

/** A sender that has sent no part for so long is taken for dead: its unfinished message is forgotten. */
const PATIENCE_MS = 60_000;

/** What came of a frame. */
export interface Assembled {
	/** A whole value; `undefined`: it is not complete. */
	readonly value: Uint8Array | undefined;
	/** How many parts have been received that are of no use, because others of their value were lost. */
	readonly lost: number;
}

interface Assembly {
	readonly parts: Uint8Array[];
	/** How many parts have been received. */
	received: number;
	/** `broken`: a part is missing, and nothing is kept. `early`: the value was posted before this object was made. */
	state: "whole" | "broken" | "early";
	lastPartAt: number;
}

const NOTHING: Assembled = { value: undefined, lost: 0 };

/**
 * Puts the parts of large values together, of each sender apart. A sender sends one value after another. What began before this object was
 * made is ignored.
 */
export class PartAssembly {
	readonly #assemblies = new Map<bigint, Assembly>();
	/** Whether messages were lost. Before that, a value whose first part was not received is an early one. */
	#hasLost = false;

	/** Senders have overwritten messages. */
	noteLoss(): void {
		this.#hasLost = true;
	}

	add({ thread, part, parts, payload }: Frame): Assembled {
		const now = performance.now();
		let lost = 0;
		if (part === 0) {
			// The end of the value before was lost.
			lost = this.#giveUp(thread);
			if (parts === 1) return { value: payload, lost };
			this.#forgetAbandoned(now);
			this.#assemblies.set(thread, { parts: [], received: 0, state: "whole", lastPartAt: now });
		}
		const assembly = this.#assemblies.get(thread) ?? {
			...{ parts: [], received: 0, lastPartAt: now },
			state: this.#hasLost ? "broken" : "early",
		};
		this.#assemblies.set(thread, assembly);
		assembly.lastPartAt = now;
		if (assembly.state === "whole" && part !== assembly.received) assembly.state = "broken";
		assembly.received++;
		if (assembly.state === "whole") assembly.parts.push(payload);
		else assembly.parts.length = 0;
		if (part < parts - 1) return lost > 0 ? { value: undefined, lost } : NOTHING;
		if (assembly.state !== "whole") return { value: undefined, lost: lost + this.#giveUp(thread) };
		this.#assemblies.delete(thread);
		return { value: joined(assembly.parts), lost };
	}

	#giveUp(thread: bigint): number {
		const assembly = this.#assemblies.get(thread);
		if (!assembly) return 0;
		this.#assemblies.delete(thread);
		return assembly.state === "early" ? 0 : assembly.received;
	}

	/** They stay, without their parts: a sender that was only stopped may go on, and its message is lost then. */
	#forgetAbandoned(now: number): void {
		for (const assembly of this.#assemblies.values())
			if (assembly.state === "whole" && now - assembly.lastPartAt > PATIENCE_MS) {
				assembly.state = "broken";
				assembly.parts.length = 0;
			}
	}
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
	const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
	let at = 0;
	for (const part of parts) {
		whole.set(part, at);
		at += part.byteLength;
	}
	return whole;
}
