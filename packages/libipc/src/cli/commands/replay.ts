import { Channel, Queue, Route, type Sender } from "libipc";
import { defineCommand } from "../command.ts";
import { CommandFailure, Exit, type ExitStatus, usageError } from "../exit.ts";
import { numberOption, type Option, textOption, wholeOption } from "../flags.ts";
import { bytes, counted, printable, span, whole } from "../format.ts";
import { untilInterrupted } from "../interruption.ts";
import type { Output } from "../output.ts";
import type { RecordedName } from "../recording/layout.ts";
import { type BlockPlace, RecordingReader } from "../recording/recording_reader.ts";
import { ReplayClock } from "../recording/replay_clock.ts";
import { matches } from "../select_names.ts";

const factories = { route: Route, channel: Channel, queue: Queue } as const;

const speedOption: Option<number> = {
	description: "How fast: 1 as it was recorded, 2 twice as fast; 0 or max without pauses, as a load test. Default: 1",
	short: "s",
	placeholder: "X",
	parse(text) {
		const speed = text === "max" ? 0 : Number(text);
		if (text.trim() === "" || !Number.isFinite(speed) || speed < 0)
			throw usageError(`must be a number of at least 0, or max, not "${text}"`);
		return speed === 0 ? Number.POSITIVE_INFINITY : speed;
	},
};

/** A name that is replayed. */
interface Target {
	readonly recorded: RecordedName;
	/** `undefined`: it is not replayed. */
	readonly sender: Sender | undefined;
	sent: number;
	notSent: number;
}

function openTarget(recorded: RecordedName, prefix: string): Sender {
	const { kind, name, capacity, maxReceivers, overflow, permissions, stamped } = recorded;
	return factories[kind].sender(name, { prefix, capacity, maxReceivers, overflow, permissions, stamp: stamped });
}

/** Waits until each name has so many receivers, and says for which names it waits. */
async function waitForReceivers(
	targets: readonly Target[],
	count: number,
	timeout: number,
	{ signal, output }: { readonly signal: AbortSignal; readonly output: Output },
) {
	const deadline = performance.now() + timeout;
	const missing = targets.filter(({ sender }) => sender && sender.receiverCount < count);
	if (missing.length > 0)
		output.note(
			`libipc replay: waits for ${counted(count, "receiver")} of ${missing.map(({ recorded }) => `${recorded.kind} "${printable(recorded.name)}"`).join(", ")}. With --receivers 0, replay does not wait`,
		);
	for (const { recorded, sender } of targets) {
		const left = (): number => Math.max(0, deadline - performance.now());
		// Ctrl-C: nothing is sent then.
		const ready = sender?.receiversReady(count, { timeout: left(), signal }).catch((error: unknown) => {
			if (!signal.aborted) throw error;
			return true;
		});
		if (sender && !(await ready))
			throw new CommandFailure(
				`${recorded.kind} "${printable(recorded.name)}" has ${counted(sender.receiverCount, "receiver")}, not ${count}, after ${span(timeout / 1000)}. With --receivers 0, replay does not wait for them.`,
				Exit.timedOut,
			);
	}
}

/** Sends a message, and waits for space if it must. */
async function transmit(target: Target, sender: Sender, message: Uint8Array, signal: AbortSignal): Promise<void> {
	let sent = sender.trySend(message);
	if (!sent && sender.refusal === "full") sent = await sender.sendAsync(message, { signal });
	if (sent) target.sent++;
	else target.notSent++;
}

interface Range {
	/** Nanoseconds on the clock of the recording. */
	readonly from: number;
	readonly to: number;
}

async function replay(
	reader: RecordingReader,
	targets: readonly Target[],
	range: Range,
	speed: number,
	signal: AbortSignal,
) {
	const damaged: BlockPlace[] = [];
	let clock: ReplayClock | undefined;
	try {
		for (const { name, time, lost, bytes: message } of reader.records(range.from, (place) => damaged.push(place))) {
			if (time > range.to || signal.aborted) break;
			const target = targets[name];
			if (lost > 0 || target?.sender === undefined) continue;
			clock ??= new ReplayClock(speed, time);
			const waiting = clock.wait(time, signal);
			if (waiting) await waiting;
			if (signal.aborted) break;
			await transmit(target, target.sender, message, signal);
		}
	} catch (error) {
		if (!signal.aborted) throw error;
	}
	return damaged;
}

function describeRecording(path: string, reader: RecordingReader, output: Output): ExitStatus {
	const { description, byteLength, damage, lastTime } = reader;
	const counts = description.names.map(() => ({ messages: 0, bytes: 0, lost: 0 }));
	const damaged: BlockPlace[] = [];
	for (const { name, lost, bytes: message } of reader.records(0, (place) => damaged.push(place))) {
		const count = counts[name];
		if (!count) continue;
		if (lost > 0) count.lost += lost;
		else count.messages++;
		count.bytes += message.byteLength;
	}
	const seconds = Math.max(0, lastTime - description.startTime) / 1e9;
	const messages = counts.reduce((sum, count) => sum + count.messages, 0);
	if (output.isJson) {
		const { startedAt, order, names } = description;
		const damagedBlocks = damaged.length;
		const all = names.map((name, index) => ({ ...name, ...counts[index] }));
		output.value({ file: path, byteLength, startedAt, seconds, order, messages, damage, damagedBlocks, names: all });
	} else {
		output.line(
			`${printable(path)}: ${counted(messages, "message")} in ${span(seconds)}, ${bytes(byteLength)}, recorded ${description.startedAt}, order: ${description.order}`,
		);
		output.table(
			[
				...[{ head: "PREFIX" }, { head: "NAME" }, { head: "KIND" }, { head: "CODEC" }],
				...(["MESSAGES", "BYTES", "LOST"] as const).map((head) => ({ head, align: "right" as const })),
			],
			description.names.map(({ prefix, name, kind, codec }, index) => {
				const count = counts[index] ?? { messages: 0, bytes: 0, lost: 0 };
				const figures = [whole(count.messages), bytes(count.bytes), whole(count.lost)];
				return [printable(prefix), printable(name), kind, codec, ...figures];
			}),
		);
	}
	return noteDamage(path, reader, damaged, output);
}

/** Says what of a recording is missing. */
function noteDamage(
	path: string,
	{ damage }: RecordingReader,
	damaged: readonly BlockPlace[],
	output: Output,
): ExitStatus {
	if (damage !== undefined) output.note(`libipc replay: ${path}: ${damage}. What is whole was used.`);
	for (const { count, firstNumber } of damaged)
		output.note(
			`libipc replay: ${path}: a block of ${counted(count, "record")} from number ${firstNumber} on is damaged.`,
		);
	return damage !== undefined || damaged.length > 0 ? Exit.failed : Exit.fine;
}

function report(path: string, targets: readonly Target[], seconds: number, output: Output): void {
	const names = targets
		.filter(({ sender }) => sender !== undefined)
		.map(({ recorded: { kind, name, prefix }, sent, notSent }) => ({ kind, prefix, name, sent, notSent }));
	const sent = names.reduce((sum, each) => sum + each.sent, 0);
	if (output.isJson) output.value({ file: path, messages: sent, seconds, names });
	else {
		const rate = seconds > 0 ? `, ${whole(sent / seconds)} a second` : "";
		output.line(`${printable(path)}: ${counted(sent, "message")} sent in ${span(seconds)}${rate}`);
	}
	for (const { name, notSent } of names)
		if (notSent > 0)
			output.note(
				`libipc replay: ${counted(notSent, "message")} of "${printable(name)}" had no receiver, or no space.`,
			);
}

export const replayCommand = defineCommand({
	name: "replay",
	summary: "Sends the messages of a recording again, in their order and at their times",
	parameters: { usage: "FILE [NAME…]", least: 1, most: Number.POSITIVE_INFINITY, completes: "files" },
	flags: {
		speed: speedOption,
		from: numberOption("S", 0, { description: "Begins so many seconds after the start of the recording" }),
		to: numberOption("S", 0, { description: "Ends so many seconds after the start of the recording" }),
		toPrefix: textOption("PREFIX", { description: "Sends on the same names of another prefix" }),
		receivers: wholeOption("N", 0, 1024, {
			description: "Waits until each name has so many receivers; 0: does not wait. Default: 1; of queues 0",
		}),
		timeout: numberOption("S", 0, { description: "How long it waits for them. Without it: without a limit" }),
		info: { description: "Sends nothing: prints what the recording holds" },
	},
	description: [
		"Opens a sender on each name, as it was when it was recorded, and sends the messages: the same bytes in the same order over all names, at the same intervals. With NAME (also with * and ?), only these names. If a ring is full, it waits, as every sender does.",
		"With --speed max it is a load test with real messages. --from uses the index of the file, and reads nothing before that place.",
		"A recording that was cut off, because the recorder was killed, for example, is replayed as far as it is whole; a message on standard error says what is missing, and the status is 1. Names with stamps get new ones: when, and by which sender, a message was sent the first time is in the file.",
	],
	exits: {
		[Exit.failed]: "it failed, or a part of the recording is missing or damaged",
		[Exit.notFound]: "the recording has no such name",
		[Exit.timedOut]: "the receivers did not come in time",
	},
	examples: [
		["libipc replay day.rec", "as it was"],
		["libipc replay day.rec --speed 2 --from 60 'price*'", "twice as fast, after the first minute, some names"],
		["libipc replay day.rec --speed max --to-prefix test", "as a load test, beside the programs that run"],
		["libipc replay day.rec --info", "what it holds"],
	],
	async run({ parameters, flags, output }) {
		const [path = "", ...patterns] = parameters;
		const reader = new RecordingReader(path);
		const targets: Target[] = [];
		try {
			if (flags.info) return describeRecording(path, reader, output);
			const { names, startTime } = reader.description;
			const isWanted = ({ name, prefix }: RecordedName) =>
				(flags.prefix === undefined || prefix === flags.prefix) &&
				(patterns.length === 0 || patterns.some((pattern) => matches(pattern, name)));
			if (!names.some(isWanted))
				throw new CommandFailure(`${path} has no such name. --info shows what it holds.`, Exit.notFound);
			for (const recorded of names) {
				const sender = isWanted(recorded) ? openTarget(recorded, flags.toPrefix ?? recorded.prefix) : undefined;
				targets.push({ recorded, sender, sent: 0, notSent: 0 });
			}
			const signal = untilInterrupted();
			const withReceivers = targets.filter(
				({ recorded }) => flags.receivers !== undefined || recorded.kind !== "queue",
			);
			const patience = Math.min((flags.timeout ?? Number.POSITIVE_INFINITY) * 1000, 2 ** 31 - 1);
			await waitForReceivers(withReceivers, flags.receivers ?? 1, patience, { signal, output });
			const range = {
				from: flags.from === undefined ? 0 : startTime + flags.from * 1e9,
				to: flags.to === undefined ? Number.POSITIVE_INFINITY : startTime + flags.to * 1e9,
			};
			const started = performance.now();
			const damaged = await replay(reader, targets, range, flags.speed ?? 1, signal);
			report(path, targets, (performance.now() - started) / 1000, output);
			return noteDamage(path, reader, damaged, output);
		} finally {
			for (const { sender } of targets) sender?.close();
			reader[Symbol.dispose]();
		}
	},
});
