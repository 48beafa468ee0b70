import { setImmediate as turn } from "node:timers/promises";
import { monotonicNs, type Receiver } from "libipc";
import { defineCommand } from "../command.ts";
import { codecWithId } from "../content/codecs.ts";
import { latencyFields, latencyLines, Octaves } from "../content/latency.ts";
import { observe } from "../content/observe.ts";
import { codecIdFor, formats, show } from "../content/show.ts";
import { Exit, type ExitStatus, usageError } from "../exit.ts";
import { numberOption, wholeOption, wordOption } from "../flags.ts";
import { counted } from "../format.ts";
import { untilInterrupted } from "../interruption.ts";
import type { Output } from "../output.ts";
import { openReceiver, type Ring, selectRing } from "../rings.ts";
import { kindFlag, titleOf } from "../select_names.ts";

/** A signal that is also aborted after so many seconds. */
function withLimit(signal: AbortSignal, seconds: number | undefined): AbortSignal {
	return seconds === undefined ? signal : AbortSignal.any([signal, AbortSignal.timeout(seconds * 1000)]);
}

/** Prints the messages. */
async function follow(
	ring: Ring,
	receiver: Receiver,
	{ format, count, isQuiet }: { format: (typeof formats)[number]; count: number; isQuiet: boolean },
	output: Output,
	signal: AbortSignal,
): Promise<void> {
	const codec = await codecWithId(format === "hex" || format === "text" ? "" : codecIdFor(ring.codec, format));
	let shown = 0;
	let lost = 0;
	await observe(
		receiver,
		(view) => {
			if (receiver.lost !== lost) {
				const missed = receiver.lost - lost;
				lost = receiver.lost;
				if (output.isJson) output.valueLine({ lost: missed });
				else
					output.note(
						output.styled("yellow", `… ${counted(missed, "message")} lost: overwritten before they could be read`),
					);
			}
			const { lines, fields } = show(view, codec, format);
			const { sentAt, sender } = receiver.lastStamp ?? {};
			const latency = sentAt === undefined ? undefined : Math.max(0, monotonicNs() - sentAt);
			shown++;
			if (output.isJson) output.valueLine({ number: shown, bytes: view.byteLength, sender, sentAt, ...fields });
			else {
				const time = new Date(Date.now() - (latency ?? 0) / 1e6).toISOString().slice(11, 23);
				const from = sender === undefined ? "" : `  from ${sender}`;
				const head = output.styled("dim", `${time}${from}  ${view.byteLength} B  `);
				const [first = "", ...more] = lines;
				if (isQuiet) for (const line of lines) output.line(line);
				else if (more.length === 0) output.line(head + first);
				else for (const line of [head.trimEnd(), ...lines]) output.line(line);
			}
			return shown < count;
		},
		signal,
	);
}

/** Waits for messages as fast as it can, and shows how long they were on their way. */
async function measure(
	ring: Ring,
	receiver: Receiver,
	count: number,
	output: Output,
	signal: AbortSignal,
): Promise<void> {
	const { latency } = receiver;
	if (!latency)
		throw usageError(
			`--latency needs stamps, which ${titleOf(ring)} does not have: its first program has to open it with { stamp: true }`,
		);
	const octaves = new Octaves();
	let height = 0;
	const print = (): void => {
		if (output.isJson) {
			output.valueLine({ ...latencyFields(latency), lost: receiver.lost });
			return;
		}
		const lines = latencyLines(ring.name, latency, octaves, receiver.lost, output.width);
		// On a terminal, in the place of the last one.
		if (output.isTerminal && height > 0) process.stdout.write(`\x1b[${height}A\x1b[J`);
		for (const line of lines) output.line(line);
		height = lines.length;
	};
	let printed = performance.now();
	while (!signal.aborted && latency.count < count) {
		receiver.drain(
			() => {
				const { sentAt } = receiver.lastStamp ?? {};
				if (sentAt !== undefined) octaves.record(monotonicNs() - sentAt);
			},
			{ max: 64, timeout: 100 },
		);
		await turn();
		if (performance.now() - printed >= 1000) {
			print();
			printed = performance.now();
		}
	}
	print();
}

export const tail = defineCommand({
	name: "tail",
	summary: "Follows the messages of a name, without being a receiver that senders wait for",
	parameters: { usage: "NAME", least: 1, most: 1, completes: "names" },
	flags: {
		format: wordOption("FORMAT", formats, {
			description: `How messages are shown: ${formats.join(", ")}. Default: auto, by the codec of the name; without one as text if they are text, otherwise as hex`,
		}),
		kind: kindFlag,
		count: wholeOption("N", 1, Number.MAX_SAFE_INTEGER, { description: "Ends after so many messages", short: "n" }),
		seconds: numberOption("S", 0, { description: "Ends after so many seconds" }),
		oldest: { description: "Begins with the oldest message that the ring still holds" },
		quiet: { description: "Prints only the messages, without time, sender and size", short: "q" },
		latency: { description: "Shows how long messages were on their way, as a live histogram. Needs stamps" },
	},
	description: [
		"Opens an observer on a route or a channel, until Ctrl-C. Senders do not wait for an observer, and it is not counted as a receiver: what it does not read in time is overwritten, and it says how many messages that were (on standard error, so that a pipe gets messages only; with --json as a line).",
		"It looks for messages 50 times a second, so it costs senders no system call. With --json, each message is a line with number, bytes, sender and sentAt (with stamps), and value, text or base64.",
		"With --latency it waits for each message, and measures from the stamp to its arrival here. A sender wakes it then, as every receiver that sleeps.",
		"Each message of a queue goes to one receiver, so a queue cannot be followed: `libipc hz` and `libipc stat` show what flows through it.",
	],
	exits: { [Exit.notFound]: "there is no such name" },
	examples: [
		["libipc tail log", "messages as they are sent"],
		["libipc tail prices --json -n 10 | jq .value", "ten messages, for programs"],
		["libipc tail orders --latency", "how long messages were on their way"],
	],
	async run({ parameters, flags, output }): Promise<ExitStatus> {
		const ring = selectRing(parameters[0] ?? "", { prefix: flags.prefix, kind: flags.kind }, "tail");
		if (ring.kind === "queue")
			throw usageError(
				`cannot follow ${titleOf(ring)}: each of its messages goes to one receiver. \`libipc hz\` shows its rate, \`libipc stat\` what waits`,
			);
		const signal = withLimit(untilInterrupted(), flags.seconds);
		const receiver = openReceiver(ring, { lossy: true, from: flags.oldest ? "oldest" : "newest" });
		try {
			const count = flags.count ?? Number.POSITIVE_INFINITY;
			if (flags.latency) await measure(ring, receiver, count, output, signal);
			else {
				if (output.isTerminal && !flags.quiet) output.note(`following ${titleOf(ring)}; Ctrl-C ends`);
				await follow(ring, receiver, { format: flags.format ?? "auto", count, isQuiet: flags.quiet }, output, signal);
			}
			return Exit.fine;
		} finally {
			receiver.close();
		}
	},
});
