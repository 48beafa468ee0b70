/**
 * What values cost over the bare calls of their codecs, for each codec: in one thread, as minima of many short rounds that take turns,
 * and from one process to another.
 *
 *   bun run bench:values
 */
import { Channel, list } from "libipc";
import { commandLine } from "../../../scripts/lib/command_line.ts";
import { table } from "../../../scripts/lib/table.ts";
import { describeMachine, machine } from "./command/machine.ts";
import { EXIT_STATUS, runCommand } from "./command/run_command.ts";
import { codecs, type Measured } from "./values/codecs.ts";

commandLine({
	name: "bun run bench:values",
	help: {
		description: `What typed endpoints cost a message, for each codec. It takes about half a minute.\n\n${EXIT_STATUS}`,
	},
});

const ROUNDS = 300;
const CALLS = 1000;
const MESSAGES = 200_000;
/** What the layer may cost a message of json over the same by hand, in nanoseconds. */
const BAR = 60;

const prefix = `values${process.pid}.`;
const encoder = new TextEncoder();
const decoder = new TextDecoder();
let sink: unknown;

/** The bare calls: a value to bytes, and bytes to a value. */
function bareCalls({ codec, value }: Measured): () => void {
	const encode = codec.encode as (value: unknown) => Uint8Array | string;
	const scratch = new Uint8Array(4096);
	return () => {
		const encoded = encode(value);
		if (typeof encoded === "string") {
			const { written } = encoder.encodeInto(encoded, scratch);
			sink = codec.decodeText?.(decoder.decode(scratch.subarray(0, written)));
		} else sink = codec.decode(codec.keepsBytes ? encoded.slice() : encoded);
	};
}

/** Nanoseconds of a call of each, the best round of each. */
function minima(calls: Readonly<Record<string, () => void>>): Record<string, number> {
	const best: Record<string, number> = {};
	for (let round = 0; round < ROUNDS; round++)
		for (const [name, call] of Object.entries(calls)) {
			const start = performance.now();
			for (let i = 0; i < CALLS; i++) call();
			const took = ((performance.now() - start) / CALLS) * 1e6;
			best[name] = Math.min(best[name] ?? Number.POSITIVE_INFINITY, took);
		}
	return best;
}

function inOneThread(measured: Measured): Record<string, number> {
	const { codec, value } = measured;
	using sender = Channel.sender("thread", { prefix, codec });
	using receiver = Channel.receiver("thread", { prefix, codec });
	const bare = bareCalls(measured);
	const encoded = (codec.encode as (value: unknown) => Uint8Array | string)(value);
	const bytes = typeof encoded === "string" ? encoder.encode(encoded) : encoded.slice();
	const target = new Uint8Array(4096);
	const { bytes: plainSender } = sender;
	const { bytes: plainReceiver } = receiver;
	return minima({
		bare,
		bytes: () => {
			plainSender.send(bytes);
			plainReceiver.recvInto(target);
		},
		values: () => {
			sender.send(value);
			sink = receiver.recv();
		},
	});
}

/** Nanoseconds a message from this process to another one. */
async function betweenProcesses(codec: string, measured: Measured): Promise<number> {
	using sender = Channel.sender("values", { prefix, codec: measured.codec });
	using done = Channel.receiver("done", { prefix });
	const program = new URL("values/receiver.program.ts", import.meta.url).pathname;
	const child = Bun.spawn([process.execPath, program, prefix, codec, String(MESSAGES)], {
		stdio: ["ignore", "inherit", "inherit"],
	});
	try {
		if (!(await sender.receiversReady(1, { timeout: 20_000 }))) throw new Error("the receiver did not come");
		const start = performance.now();
		for (let i = 0; i < MESSAGES; i++) sender.send(measured.value, { timeout: 20_000 });
		if ((await done.recvAsync({ timeout: 20_000 })) === null) throw new Error("the receiver did not get all values");
		return ((performance.now() - start) / MESSAGES) * 1e6;
	} finally {
		child.kill();
		await child.exited;
	}
}

await runCommand(async () => {
	console.log(`${describeMachine(machine())}\n`);
	const rows: (string | number)[][] = [];
	let jsonCost = 0;
	try {
		for (const [codec, measured] of Object.entries(codecs)) {
			const { bare = 0, bytes = 0, values = 0 } = inOneThread(measured);
			const cost = values - bare - bytes;
			if (codec === "json") jsonCost = values - bare;
			const between = await betweenProcesses(codec, measured);
			rows.push([codec, ...[bare, bytes, values, values - bare, cost, between].map((each) => each.toFixed(0))]);
		}
	} finally {
		for (const { name } of list({ prefix })) Channel.clear(name, { prefix });
	}
	console.log(
		table(
			[
				"codec",
				"bare calls",
				"bytes sent and received",
				"values",
				"values - bare",
				"- bytes, too",
				"between processes",
			],
			rows,
		),
	);
	console.log("\nNanoseconds a message. Bare calls: value to bytes, and bytes to value, without libipc.");
	if (jsonCost <= BAR) return 0;
	console.error(`json costs ${jsonCost.toFixed(0)} ns over its bare calls; the bar is ${BAR} ns.`);
	return 1;
});
void sink;
