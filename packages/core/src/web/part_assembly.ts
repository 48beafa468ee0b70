import type { Frame } from "./broadcast_frame.ts";

/** A sender that has sent no part for so long is taken for dead: its unfinished message is forgotten. */
const PATIENCE_MS = 60_000;

/** What came of a frame: a whole value, nothing yet, or a value whose parts are not all there. */
export type Assembled = Uint8Array | "incomplete" | "lost";

interface Assembly {
	readonly parts: Uint8Array[];
	/** Whether a part is missing: nothing is kept. */
	isBroken: boolean;
	lastPartAt: number;
}

/**
 * Puts the parts of large values together, of each sender apart. A sender sends one value after another. What began before this object was
 * made is ignored: the value was posted before.
 */
export class PartAssembly {
	readonly #assemblies = new Map<bigint, Assembly>();

	add({ thread, part, parts, payload }: Frame): Assembled {
		if (parts === 1) {
			this.#assemblies.delete(thread);
			return payload;
		}
		const now = performance.now();
		if (part === 0) {
			this.#forgetAbandoned(now);
			this.#assemblies.set(thread, { parts: [payload], isBroken: false, lastPartAt: now });
			return "incomplete";
		}
		const assembly = this.#assemblies.get(thread);
		if (!assembly) return "incomplete";
		assembly.lastPartAt = now;
		if (part !== assembly.parts.length) assembly.isBroken = true;
		if (assembly.isBroken) assembly.parts.length = 0;
		else assembly.parts.push(payload);
		if (part < parts - 1) return "incomplete";
		this.#assemblies.delete(thread);
		return assembly.isBroken ? "lost" : joined(assembly.parts);
	}

	/** They stay, without their parts: a sender that was only stopped may go on, and its message is lost then. */
	#forgetAbandoned(now: number): void {
		for (const assembly of this.#assemblies.values())
			if (now - assembly.lastPartAt > PATIENCE_MS) {
				assembly.isBroken = true;
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
