import type { Receiving } from "../latency/receive.ts";
import { NativeProgram } from "../launcher/native_program.ts";
import { measureLibipc } from "./measure_libipc.ts";
import type { Measured } from "./measured.ts";

/** A way to carry messages at an offered load. */
export interface Variant {
	readonly id: string;
	readonly title: string;
	measure(gapNs: number, count: number, signal: AbortSignal): Promise<Measured>;
}

/** Neighbours run right after each other: a disturbance of the machine meets both. */
export const variants: readonly Variant[] = [
	program("c-spin", "C, spins", "spin"),
	libipc("libipc-poll", "libipc, polls", "poll"),
	program("c-backoff", "C, spins 20 µs, then sleeps", "backoff"),
	libipc("libipc-block", "libipc, recvInto", "block"),
];

function program(id: string, title: string, mode: "spin" | "backoff"): Variant {
	return {
		id,
		title,
		async measure(gapNs, count, signal) {
			await using load = new NativeProgram({ program: "load", args: [mode, gapNs, count], signal });
			const [reachedNs = Number.NaN, ...times] = await load.output();
			return { reachedNs, times: Float64Array.from(times) };
		},
	};
}

function libipc(id: string, title: string, receiving: Receiving): Variant {
	return { id, title, measure: (gapNs, count, signal) => measureLibipc({ receiving, gapNs, count }, signal) };
}
