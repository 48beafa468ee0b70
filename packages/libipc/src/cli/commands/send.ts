import { setTimeout as sleep } from "node:timers/promises";
import { type Codec, list, type Sender } from "libipc";
import { defineCommand } from "../command.ts";
import { codecWithId, knownCodecs } from "../content/codecs.ts";
import { inputFlags, inputs, sentValue } from "../content/input.ts";
import { CommandFailure, Exit } from "../exit.ts";
import { numberOption, wordOption } from "../flags.ts";
import { counted, printable } from "../format.ts";
import { openSender, type Ring, selectRing } from "../rings.ts";
import { kindFlag, titleOf } from "../select_names.ts";

const reasons: Readonly<Record<string, string>> = {
	"no-receivers": "no receiver is open",
	"timed-out": "the ring was full until the time was up",
	full: "the ring was full until the time was up",
	dropped: "the ring is full, and the name drops the newest messages",
};

/** Waits until a process has the name open. */
async function waitForName(name: string, prefix: string | undefined, milliseconds: number): Promise<void> {
	const deadline = performance.now() + milliseconds;
	while (performance.now() < deadline) {
		if (list({ prefix }).some((each) => each.name === name && each.state === "live")) return;
		await sleep(20);
	}
}

/** The bytes of an input for a codec. */
function encoded(input: string | Uint8Array, codec: Codec<unknown> | undefined, isText: boolean): string | Uint8Array {
	if (!codec) return input;
	const value = sentValue(input, codec.id, isText);
	const bytes = codec.encode?.(value);
	if (bytes === undefined) throw new CommandFailure(`The codec ${codec.id} cannot be used by this command.`);
	return bytes;
}

async function transmit(sender: Sender, message: string | Uint8Array, ring: Ring, timeout: number): Promise<void> {
	const sending = sender.sendAsync(message, { timeout });
	if (await sending) return;
	const status = sending.refusal === "timed-out" ? Exit.timedOut : Exit.failed;
	throw new CommandFailure(`The message was not sent to ${titleOf(ring)}: ${reasons[sending.refusal ?? ""]}.`, status);
}

export const send = defineCommand({
	name: "send",
	summary: "Sends messages: from arguments, lines of standard input, or a file",
	parameters: { usage: "NAME [MESSAGE…]", least: 1, most: Number.POSITIVE_INFINITY, completes: "names" },
	flags: {
		...inputFlags,
		kind: kindFlag,
		codec: wordOption("CODEC", knownCodecs, {
			description: `The codec of the messages: ${knownCodecs.join(", ")}. Default: that of the name; without one, the bytes are sent as they are`,
		}),
		wait: numberOption("S", 0, { description: "Waits so many seconds for the name and a receiver. Default: 0" }),
		timeout: numberOption("S", 0, {
			description: "How long a message may wait for space. Default: without a limit",
			short: "t",
		}),
	},
	description: [
		"Opens a sender on a name that a process has open, and sends each MESSAGE. Without one, each line of standard input is a message, as soon as it is there; with --whole all of it is one, with --file a file.",
		"If the name has a codec, a message has to be a value of it: of json, structured and msgpack, the text is read as JSON, and what is no JSON is a string.",
		"All messages of a call come from one sender, in their order. A route has one sender: while a program has it, send fails.",
	],
	exits: {
		[Exit.failed]: "it failed, or a message was not sent: no receiver is open, for example",
		[Exit.notFound]: "there is no such name",
		[Exit.timedOut]: "the ring was full until the time was up",
	},
	examples: [
		["libipc send log 'deploy finished'", "one message"],
		["libipc send orders '{\"id\":1}' '{\"id\":2}'", "two values of a name with the codec json"],
		["tail -f access.log | libipc send lines", "each line, as it is written"],
		["libipc send images --file cat.png --wait 5", "a file; waits for the receiver"],
	],
	async run({ parameters, flags, output }) {
		const [name = "", ...messages] = parameters;
		const patience = (flags.wait ?? 0) * 1000;
		await waitForName(name, flags.prefix, patience);
		const ring = selectRing(name, { prefix: flags.prefix, kind: flags.kind }, "send");
		const id = flags.codec ?? ring.codec;
		const codec = await codecWithId(id);
		if (!codec && id !== "")
			throw new CommandFailure(
				`${titleOf(ring)} has the codec "${printable(id)}", which this command does not have. With --codec bytes, messages are sent as they are.`,
			);
		const sender = openSender(ring);
		try {
			if (patience > 0) await sender.receiversReady(1, { timeout: patience });
			const timeout = Math.min((flags.timeout ?? Number.POSITIVE_INFINITY) * 1000, 2 ** 31);
			let sent = 0;
			for await (const input of inputs(messages, flags)) {
				await transmit(sender, encoded(input, codec, flags.text), ring, timeout);
				sent++;
			}
			if (output.isJson) output.value({ kind: ring.kind, prefix: ring.prefix, name, sent });
			else if (output.isTerminal) output.note(`${counted(sent, "message")} sent`);
			return Exit.fine;
		} finally {
			sender.close();
		}
	},
});
