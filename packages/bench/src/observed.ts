/**
 * What a sender at full speed pays for `libipc top` and `libipc tail`: its rate with each of them against the rate without, in turns.
 *
 * The sender has a processor for itself. No receiver takes part: the ring is written for an observer that never reads. The command
 * that looks is pinned to another processor, so that it takes no time of the sender; what is left is what it does to the ring's memory.
 *
 *   bun run bench:observed [options]
 */
import { cpus } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { Channel, list } from "libipc";
import { commandLine, wholeNumber } from "../../../scripts/lib/command_line.ts";
import { table } from "../../../scripts/lib/table.ts";
import { jsonFlag } from "./command/flags.ts";
import { describeMachine, machine } from "./command/machine.ts";
import { writeResult } from "./command/result_file.ts";
import { runCommand } from "./command/run_command.ts";
import { ObservedSender, type Series } from "./observed/observed_sender.ts";
import { type Observer, observers } from "./observed/observers.ts";
import { medianInterval } from "./statistics/bootstrap.ts";
import { median } from "./statistics/statistics.ts";

const NAME = "bun run bench:observed";
const CHANNEL = "observed";

const { flags } = commandLine({
	name: NAME,
	flags: {
		rounds: {
			type: wholeNumber(1, 1000),
			placeholder: "<n>",
			description: "rounds: each is without, with, without",
			default: 10,
		},
		milliseconds: { type: wholeNumber(10, 60_000), placeholder: "<ms>", description: "of one series", default: 1000 },
		bytes: { type: wholeNumber(1, 1 << 20), placeholder: "<n>", description: "of a message", default: 64 },
		senderCpu: {
			type: wholeNumber(0, 4095),
			placeholder: "<n>",
			description: "the processor of the sender",
			default: 0,
		},
		observerCpu: {
			type: wholeNumber(0, 4095),
			placeholder: "<n>",
			description: "the processor of top and tail (default: the last one)",
		},
		json: jsonFlag,
	},
	help: {
		description:
			"Measures the rate of a sender with libipc top and tail against the rate without. It needs two processors and taskset (util-linux), and takes about a minute.\n\nExit status: 0 both are at their bars (top 0.97, tail 0.9); 1 one is below, or an error; 2 wrong arguments; 130 interrupted.",
	},
});

/** Waits until the command has begun to look. */
async function settle(sender: ObservedSender, { observers: wanted }: Observer): Promise<void> {
	const deadline = performance.now() + 30_000;
	while ((await sender.run(10)).observers !== wanted)
		if (performance.now() > deadline) throw new Error("the command did not start within 30 s");
	await sleep(1000);
}

/** Shares of the rate without: the medians of the rounds. */
async function measure(sender: ObservedSender, observer: Observer, cpu: number, prefix: string, signal: AbortSignal) {
	const { rounds, milliseconds } = flags;
	const shares: number[] = [];
	const processorShares: number[] = [];
	const rates: number[] = [];
	let before = await sender.run(milliseconds);
	for (let round = 0; round < rounds; round++) {
		signal.throwIfAborted();
		let during: Series;
		{
			await using _command = observer.start(cpu, prefix, CHANNEL);
			await settle(sender, observer);
			during = await sender.run(milliseconds);
		}
		await settle(sender, { ...observer, observers: 0 });
		const after = await sender.run(milliseconds);
		// Against the series before and after it: a machine that becomes slower counts for both.
		const share = (rate: "perSecond" | "perProcessorSecond") => during[rate] / ((before[rate] + after[rate]) / 2);
		shares.push(share("perSecond"));
		processorShares.push(share("perProcessorSecond"));
		rates.push(before.perSecond);
		before = after;
	}
	const { name, bar } = observer;
	const [share, processorShare] = [median(shares), median(processorShares)];
	return { name, bar, without: median(rates), share, ...medianInterval([shares]), processorShare };
}

await runCommand(async (signal) => {
	const last = cpus().length - 1;
	const { senderCpu, observerCpu = last, json } = flags;
	if (senderCpu === observerCpu) throw new Error("the sender and the observer need two processors");
	if (!Bun.which("taskset")) throw new Error("taskset is missing: it is part of util-linux");
	console.log(`${describeMachine(machine())}; sender on processor ${senderCpu}, top and tail on ${observerCpu}\n`);
	const prefix = `bench-observed${process.pid}`;
	try {
		await using sender = new ObservedSender(senderCpu, prefix, CHANNEL, flags.bytes, signal);
		await sender.ready();
		const results: Awaited<ReturnType<typeof measure>>[] = [];
		for (const observer of observers) results.push(await measure(sender, observer, observerCpu, prefix, signal));
		console.log(
			table(
				["with", "messages/s without", "share", "95 %", "of processor time", "bar", ""],
				results.map(({ name, bar, without, share, low, high, processorShare }) => [
					...[name, Math.round(without), share.toFixed(3), `${low.toFixed(3)} to ${high.toFixed(3)}`],
					processorShare.toFixed(3),
					bar,
					share >= bar ? "ok" : "below",
				]),
			),
		);
		writeResult(json, NAME, { bytes: flags.bytes, results });
		return results.every(({ share, bar }) => share >= bar) ? 0 : 1;
	} finally {
		for (const { name } of list({ prefix })) Channel.clear(name, { prefix });
	}
});
