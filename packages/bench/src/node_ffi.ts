/**
 * Why rings are moved in TypeScript in Node: what calls through node:ffi cost, and a message through C beside one in the
 * mapped memory, in turns.
 *
 *   npx bun run build && node packages/bench/src/node_ffi.ts          Node 26.9 or later
 */

import { createApi, createNativeEngine, type EndpointFactory } from "@libipc/core/api";
import { nativeEngine } from "../../compat/src/node/engine.ts";
import { library } from "../../compat/src/node/library.ts";
import { openWaker } from "../../compat/src/node/waker.ts";

const ROUNDS = 9;
const prefix = `nodeffi${process.pid}`;

type Operation = (count: number) => void;

function once(operation: Operation, count: number): number {
	const start = performance.now();
	operation(count);
	return ((performance.now() - start) * 1e6) / count;
}

/** The median and the least of each, in nanoseconds, taken in turns. */
function compare(title: string, operations: Record<string, Operation>, count = 100_000): void {
	const times = new Map(Object.keys(operations).map((name): [string, number[]] => [name, []]));
	for (const operation of Object.values(operations)) operation(count);
	for (let round = 0; round < ROUNDS; round++)
		for (const [name, operation] of Object.entries(operations)) times.get(name)?.push(once(operation, count));
	console.log(`\n${title}`);
	for (const [name, each] of times) {
		each.sort((a, b) => a - b);
		console.log(
			`  ${name.padEnd(44)} ${each[ROUNDS >> 1]?.toFixed(0).padStart(6)} ns   (least ${each[0]?.toFixed(0)})`,
		);
	}
}

const { symbols, address } = library();
const factories: Record<string, EndpointFactory> = {
	"through C": createApi(() => throughC).Route,
	"in the mapped memory": createApi(() => nativeEngine).Route,
};
const throughC = createNativeEngine(library, openWaker);

const options = new Uint32Array(12);
options[0] = 1;
const terminated = (text: string) => new TextEncoder().encode(`${text}\0`);
const sender = address(symbols.ipc_sender_open(terminated(prefix), terminated("calls"), options, new Uint8Array(32)));
if (sender === null) throw new Error("could not open");
const bytes = new Uint8Array(64);

compare("calls that do next to nothing, by their arguments", {
	none: (count) => {
		for (let i = 0; i < count; i++) symbols.ipc_abi_version();
	},
	"an address": (count) => {
		for (let i = 0; i < count; i++) symbols.ipc_sender_armed(sender);
	},
	"an address, a number": (count) => {
		for (let i = 0; i < count; i++) symbols.ipc_sender_flush(sender, 0);
	},
	"an address, bytes, a number": (count) => {
		for (let i = 0; i < count; i++) symbols.ipc_sender_stage(sender, bytes, 2 ** 31);
	},
	"an address, bytes, two numbers": (count) => {
		for (let i = 0; i < count; i++) symbols.ipc_sender_send(sender, bytes, 64, 0); // to nobody
	},
});

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
			if (length === 0) throw new Error("nothing came");
		};
	}
	compare(`a message of ${byteLength} bytes`, operations, byteLength > 1024 ? 20_000 : 64_000);
}
process.exit(0);
