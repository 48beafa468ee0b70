import type { Program } from "../launcher/program.ts";
import { median } from "../statistics/statistics.ts";
import { byWords } from "../workload/compare_words.ts";
import { Workload } from "../workload/workload.ts";
import type { AlternativeResult, MeasureOptions } from "./alternative.ts";
import type { ReceiverReport, Receivers } from "./receivers.ts";

/** The sending side of a transport. A returned promise is back-pressure: nothing more is sent until it resolves. */
export interface Broadcast {
	/** One message to every receiver; it is overwritten by the next one. The empty message ends a round. */
	send(message: Uint8Array<ArrayBuffer>): Promise<void> | undefined;
	/** For transports that gather messages: sends what is still held back. */
	flush?(): Promise<void> | undefined;
}

const END_OF_ROUND = new Uint8Array(0);

/** Measures rounds of the messages of bench_ipc. */
export function measureRounds(
	transport: string,
	options: MeasureOptions,
	receiverPrograms: Receivers<Program<never, ReceiverReport>>,
	broadcast: Broadcast,
): Promise<AlternativeResult> {
	const { count, min, max } = options;
	// A sender compares nothing.
	const workload = new Workload({ min, max, senders: 1 }, byWords);
	return timeRounds(transport, options, receiverPrograms, () => sendRound(workload, count, broadcast));
}

/**
 * Waits until every receiver is ready, then runs one warm-up round and the timed ones.
 * @param sendRound sends all messages of a round, and its end, to every receiver
 */
export async function timeRounds(
	transport: string,
	{ count, receivers, runs }: MeasureOptions,
	receiverPrograms: Receivers<Program<never, ReceiverReport>>,
	sendRound: () => Promise<void>,
): Promise<AlternativeResult> {
	const runsNs: number[] = [];
	let delivered = 0;
	let corrupt = 0;
	await receiverPrograms.allReady();
	for (let run = -1; run < runs; run++) {
		// The clocks of Bun and Node count from the start of each process. The sender therefore takes both times, and the way
		// of the last report to it, about 0.1 ms a round, is included.
		const start = performance.now();
		const [report] = await Promise.all([receiverPrograms.nextRound(), sendRound()]);
		const elapsed = (performance.now() - start) * 1e6;
		corrupt += report.corrupt;
		if (run < 0) continue;
		delivered += report.delivered;
		runsNs.push(elapsed);
	}
	const expected = count * receivers * runs;
	return { transport, receivers, nsPerMessage: median(runsNs) / count, runsNs, delivered, expected, corrupt };
}

async function sendRound(workload: Workload, count: number, broadcast: Broadcast): Promise<void> {
	for (let sequence = 0; sequence < count; sequence++) {
		const pressure = broadcast.send(workload.message(0, sequence));
		// An await costs as much as a message over a fast transport: only if there is something to wait for.
		if (pressure !== undefined) await pressure;
	}
	await broadcast.send(END_OF_ROUND);
	await broadcast.flush?.();
}
