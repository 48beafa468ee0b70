import { statSync } from "node:fs";
import { monotonicNs, type Receiver } from "libipc";
import { defineCommand } from "../command.ts";
import { CommandFailure, Exit, type ExitStatus, usageError } from "../exit.ts";
import { numberOption, textOption, wholeOption } from "../flags.ts";
import { bytes, counted, printable, span, whole } from "../format.ts";
import { untilInterrupted } from "../interruption.ts";
import type { Output } from "../output.ts";
import type { RecordedName } from "../recording/layout.ts";
import { Recorder } from "../recording/recorder.ts";
import { RecordingWriter } from "../recording/recording_writer.ts";
import { compress } from "../recording/zstd.ts";
import { openReceiver, type Ring, selectRings } from "../rings.ts";
import { kindFlag, titleOf } from "../select_names.ts";

/** The recording is whole up to so long before a kill. Milliseconds. */
const FLUSH_EVERY = 200;

const recordedName = (ring: Ring): RecordedName => {
	const { kind, prefix, name, codec, stamped, capacity, maxReceivers, overflow, permissions } = ring;
	return { kind, prefix, name, codec, stamped, capacity, maxReceivers, overflow, permissions };
};

function checkQueues(rings: readonly Ring[], takes: boolean): void {
	const queue = rings.find(({ kind }) => kind === "queue");
	if (queue && !takes)
		throw usageError(
			`each message of ${titleOf(queue)} goes to one receiver, so record would take messages away from the programs that work on them. With --take it does so`,
		);
}

/** What ends a recording. */
interface Limits {
	readonly count: number;
	readonly seconds: number | undefined;
	readonly idle: number | undefined;
}

/** Records until the user ends it, all names have ended, or a limit is reached. */
async function record(
	rings: readonly Ring[],
	receivers: readonly Receiver[],
	writer: RecordingWriter,
	limits: Limits,
	interrupted: AbortSignal,
) {
	const started = performance.now();
	let last = started;
	let finish = (): void => {};
	const finished = new Promise<void>((resolve) => {
		finish = resolve;
	});
	const recorder = new Recorder(
		writer,
		receivers,
		rings.every(({ stamped }) => stamped),
		(total) => {
			last = performance.now();
			if (total >= limits.count) finish();
		},
	);
	interrupted.addEventListener("abort", finish);
	let failure: unknown;
	const timer = setInterval(() => {
		const now = performance.now();
		try {
			writer.flush();
		} catch (error) {
			failure = error;
			finish();
		}
		if (limits.seconds !== undefined && now - started >= limits.seconds * 1000) finish();
		if (limits.idle !== undefined && now - last >= limits.idle * 1000) finish();
	}, FLUSH_EVERY);
	try {
		await Promise.race([finished, recorder.ended]);
		if (failure !== undefined) throw failure;
		recorder.stop();
		writer.close();
	} finally {
		clearInterval(timer);
	}
	return { seconds: (performance.now() - started) / 1000, reports: recorder.reports };
}

function printReport(
	rings: readonly Ring[],
	path: string,
	{ messages, byteLength }: RecordingWriter,
	{ seconds, reports }: Awaited<ReturnType<typeof record>>,
	output: Output,
): ExitStatus {
	const names = rings.map(({ kind, prefix, name }, index) => {
		const { messages = 0, lost = 0, error } = reports[index] ?? {};
		return { kind, prefix, name, messages, lost, ...(error instanceof Error && { error: error.message }) };
	});
	if (output.isJson) output.value({ file: path, messages, byteLength, seconds, names });
	else {
		output.line(`${printable(path)}: ${counted(messages, "message")}, ${bytes(byteLength)}, ${span(seconds)}`);
		output.table(
			[{ head: "NAME" }, { head: "KIND" }, { head: "MESSAGES", align: "right" }, { head: "LOST", align: "right" }],
			names.map(({ name, kind, messages, lost }) => [printable(name), kind, whole(messages), whole(lost)]),
		);
	}
	for (const { error } of names) if (error !== undefined) output.note(`libipc record: ${error}`);
	return names.some(({ error, lost }) => error !== undefined || lost > 0) ? Exit.failed : Exit.fine;
}

export const recordCommand = defineCommand({
	name: "record",
	summary: "Records all messages of names in a file, with their times, for replay",
	parameters: { usage: "NAME…", least: 1, most: Number.POSITIVE_INFINITY, completes: "names" },
	flags: {
		out: textOption("FILE", {
			description: "The file. It must not exist, except with --force",
			short: "o",
			completes: "files",
		}),
		force: { description: "Overwrites the file", short: "f" },
		kind: kindFlag,
		count: wholeOption("N", 1, Number.MAX_SAFE_INTEGER, {
			description: "Ends after at least so many messages",
			short: "n",
		}),
		seconds: numberOption("S", 0, { description: "Ends after so many seconds" }),
		idle: numberOption("S", 0, { description: "Ends when no message came for so many seconds" }),
		plain: { description: "Does not compress. Without it: with zstd, if the runtime has it" },
		take: { description: "Also of queues: takes their messages, so that no other receiver gets them" },
	},
	description: [
		"Opens an ordinary receiver on each name and writes every message that is sent from then on, until Ctrl-C. It is complete: senders wait for it as for every receiver, if it is the slowest one. Only names with overflow drop-oldest may lose messages; the recording says how many, and where.",
		"If all names have stamps (stamp: true), the order over all names is the one in which messages were sent: a message comes before those that were sent because of it. Otherwise messages of different names are in the order in which they were read, which is exact for each name, and up to a round of the recorder (less than a millisecond, if it is not busy) between names.",
		"The file is described in docs/recording.md. It consists of blocks with checksums, at most 200 ms each, so that it can be replayed up to the last one if this process is killed. It holds the messages as they are: keep it as secret as they are (it is created with mode 0600).",
	],
	exits: {
		[Exit.failed]:
			"it failed, a name ended early (it was cleared, for example), or messages were lost; the rest is recorded",
		[Exit.notFound]: "one of the names does not exist",
	},
	examples: [
		["libipc record -o day.rec 'price*' orders", "until Ctrl-C"],
		["libipc record -o one.rec log --prefix shop --count 1000 --seconds 60", "1,000 messages, or a minute"],
	],
	async run({ parameters, flags, output }) {
		const { out } = flags;
		if (out === undefined) throw usageError("needs a file: --out FILE");
		const rings = selectRings({ names: parameters, prefix: flags.prefix, kind: flags.kind }, "record");
		checkQueues(rings, flags.take);
		if (!flags.force && statSync(out, { throwIfNoEntry: false })?.isFile())
			throw new CommandFailure(`${out} exists. With --force, it is overwritten.`);
		const receivers: Receiver[] = [];
		try {
			for (const ring of rings) receivers.push(openReceiver(ring));
			const writer = new RecordingWriter(
				out,
				{
					version: 1,
					startedAt: new Date().toISOString(),
					startTime: Math.floor(monotonicNs()),
					order: rings.every(({ stamped }) => stamped) ? "sent" : "read",
					names: rings.map(recordedName),
				},
				!flags.plain && compress !== undefined,
			);
			const interrupted = untilInterrupted();
			// For scripts that start their programs when all is recorded.
			output.note(`recording ${counted(rings.length, "name")} in ${out}; Ctrl-C ends`);
			const limits = {
				count: flags.count ?? Number.POSITIVE_INFINITY,
				seconds: flags.seconds,
				idle: flags.idle,
			};
			const report = await record(rings, receivers, writer, limits, interrupted);
			return printReport(rings, out, writer, report, output);
		} finally {
			for (const receiver of receivers) receiver.close();
		}
	},
});
