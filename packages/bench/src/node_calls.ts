/**
 * What a call through the Node-API addon costs in Node, and a message through C beside a message in the mapped memory, in turns.
 *
 *   npm run build && node packages/bench/src/node_calls.ts
 */
import { library, nativeEngine, openWaker } from "@libipc/compat/node";
import {
	createApi,
	createNativeEngine,
	type EndpointFactory,
	openNativeReceiver,
	openNativeSender,
} from "@libipc/core/api";
import { commandLine } from "../../../scripts/lib/command_line.ts";
import { describeMachine, machine } from "./command/machine.ts";
import { EXIT_STATUS, runCommand } from "./command/run_command.ts";
import { newTable } from "./command/table.ts";
import { Series } from "./statistics/series.ts";

const ROUNDS = 9;
const prefix = `nodecalls${process.pid}`;

commandLine({
	name: "node packages/bench/src/node_calls.ts",
	help: {
		description: `Measures calls through the Node-API addon, and messages through C and in the mapped memory.\n\n${EXIT_STATUS}`,
	},
});

type Operation = (count: number) => void;

/** Of processor time: the operations do not sleep, and other programs may run. */
function once(operation: Operation, count: number): number {
	const start = process.cpuUsage();
	operation(count);
	const { user, system } = process.cpuUsage(start);
	return ((user + system) * 1000) / count;
}

/** Prints nanoseconds of processor time of each operation. The operations take turns. */
async function compare(
	title: string,
	operations: Record<string, Operation>,
	signal: AbortSignal,
	count = 100_000,
): Promise<void> {
	const series = new Series();
	for (const operation of Object.values(operations)) operation(count);
	for (let round = 0; round < ROUNDS; round++)
		for (const [name, operation] of Object.entries(operations)) {
			series.note(name, once(operation, count));
			// The event loop has to run, or a signal is not noticed.
			await new Promise((resolve) => setImmediate(resolve));
			signal.throwIfAborted();
		}
	const table = newTable([title, "median ns", "least ns"], ["left", "right", "right"]);
	for (const name of Object.keys(operations))
		table.push([name, series.median(name).toFixed(0), series.least(name).toFixed(0)]);
	console.log(`${table.toString()}\n`);
}

await runCommand(async (signal) => {
	console.log(`${describeMachine(machine())}\n`);
	const { symbols } = library();
	const factories: Record<string, EndpointFactory> = {
		"through C": createApi(() => throughC).Route,
		"in the mapped memory": createApi(() => nativeEngine).Route,
	};
	const throughC = createNativeEngine(library, openWaker);

	const options = {
		capacity: 1 << 16,
		maxReceivers: 8,
		permissions: 0o600,
		overflow: 0,
		fromOldest: false,
		firstPosition: 0,
		codec: "",
		lossy: false,
	};
	const sender = openNativeSender(library(), "route", prefix, "calls", options);
	// On another name: the sender has no receiver.
	const receiver = openNativeReceiver(library(), "route", prefix, "other", options);
	const bytes = new Uint8Array(64);

	await compare(
		"calls that do almost nothing, by their arguments",
		{
			none: (count) => {
				for (let i = 0; i < count; i++) symbols.ipc_abi_version();
			},
			"an address": (count) => {
				for (let i = 0; i < count; i++) symbols.ipc_sender_armed(sender);
			},
			"an address, a number": (count) => {
				for (let i = 0; i < count; i++) symbols.ipc_receiver_consume(receiver, 0);
			},
			"an address, bytes, a number": (count) => {
				for (let i = 0; i < count; i++) symbols.ipc_sender_stage(sender, bytes, 2 ** 31);
			},
			"an address, bytes, two numbers": (count) => {
				for (let i = 0; i < count; i++) symbols.ipc_sender_send(sender, bytes, 64, 0); // without a receiver
			},
		},
		signal,
	);

	for (const byteLength of [64, 1024, 16_384]) {
		const message = new Uint8Array(byteLength).fill(7);
		const target = new Uint8Array(byteLength);
		const operations: Record<string, Operation> = {};
		for (const [name, factory] of Object.entries(factories)) {
			const to = factory.sender(`${name}${byteLength}`.replaceAll(" ", ""), { prefix, capacity: 4 << 20 });
			const from = factory.receiver(`${name}${byteLength}`.replaceAll(" ", ""), { prefix, capacity: 4 << 20 });
			operations[`send and recvInto, ${name}`] = (count) => {
				for (let i = 0; i < count; i++) {
					to.send(message);
					from.recvInto(target);
				}
			};
			const batch = Array<Uint8Array>(64).fill(message);
			operations[`of a batch of 64, drained, ${name}`] = (count) => {
				let length = 0;
				for (let i = 0; i < count; i += 64) {
					to.sendBatch(batch);
					from.drain((view) => {
						length += view.byteLength;
					});
				}
				if (length === 0) throw new Error("no message came");
			};
		}
		await compare(`a message of ${byteLength} bytes`, operations, signal, byteLength > 1024 ? 20_000 : 64_000);
	}
	return 0;
});
