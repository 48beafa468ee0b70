/** What one writes to send typed messages over a transport. This file imports no transport: charts need none. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../../../../scripts/lib/repository.ts";
import { linesOfCode } from "../lines_of_code.ts";

export interface TypedProgram {
	/** Its folder in `examples/typed`, with `send.ts` and `receive.ts`. */
	readonly folder: string;
	/** How it sends an order to all receivers, and how it receives one; in its code, except for the codec or serialization. */
	readonly sends: string;
	readonly receives: string;
	/** What the transport needs, and between which programs it works. */
	readonly between: string;
}

const libipc = {
	folder: "libipc",
	sends: "sender.send(order)",
	receives: "for await (const order of receiver)",
	between: "any processes",
} as const;
const spawnIpc = {
	folder: "spawn_ipc",
	sends: "for (const child of children) child.send(order)",
	receives: 'process.on("message", (order: Order) =>',
	between: "a parent and its children, in Bun",
} as const;

/** For each typed alternative, by its name. */
export const typedPrograms: Readonly<Record<string, TypedProgram>> = {
	"libipc, json": libipc,
	"libipc, structured": libipc,
	"Bun.spawn ipc, json": spawnIpc,
	"Bun.spawn ipc, advanced": spawnIpc,
	"Worker postMessage": {
		folder: "worker",
		sends: "for (const worker of workers) worker.postMessage(order)",
		receives: 'parentPort?.on("message", (order: Order) =>',
		between: "threads of one process",
	},
	"ZeroMQ in Node": {
		folder: "zeromq",
		sends: "const message = JSON.stringify(order); await Promise.all(sockets.map((socket) => socket.send(message)))",
		receives: "const order: Order = JSON.parse(message.toString())",
		between: "any processes, with a socket for each receiver",
	},
	"redis pub/sub": {
		folder: "redis",
		sends: 'redis.publish("orders", JSON.stringify(order))',
		receives: "const order: Order = JSON.parse(message)",
		between: "any processes, through a server",
	},
};

/** The sources of a program. */
export function sourcesOf({ folder }: TypedProgram): { readonly send: string; readonly receive: string } {
	const read = (file: string): string => readFileSync(join(root, "examples/typed", folder, file), "utf8");
	return { send: read("send.ts"), receive: read("receive.ts") };
}

/** The lines of code of both sides. */
export function linesOf(program: TypedProgram): number {
	const { send, receive } = sourcesOf(program);
	return linesOfCode(send) + linesOfCode(receive);
}
