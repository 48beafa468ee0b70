/** The programs in `examples/typed`, whose lines the tables count: they run, and each receiver prints all orders. */
import { afterEach, expect, test } from "bun:test";
import { cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Subprocess } from "bun";
import { list } from "libipc";
import { orders } from "../../../../../examples/typed/orders.ts";
import { nodeBinary } from "../../../../../scripts/node_binary.ts";
import { findRedisServer, RedisServer } from "../redis_server.ts";
import { zeroMqModule } from "../zeromq_tool.ts";
import { redisPubSub } from "./redis.ts";
import { typedAlternatives } from "./typed_alternatives.ts";
import { linesOf, sourcesOf, typedPrograms } from "./typed_programs.ts";
import { zeromqInNode } from "./zeromq.ts";

const EXAMPLES = fileURLToPath(new URL("../../../../../examples/typed", import.meta.url));
const RECEIVERS = 2;

type Program = Subprocess<"ignore", "pipe", "pipe">;
const started: Program[] = [];

afterEach(async () => {
	for (const program of started.splice(0)) {
		program.kill("SIGKILL");
		await program.exited;
	}
});

function start(command: readonly string[], env: Record<string, string> = {}): Program {
	const program = Bun.spawn([...command], {
		env: { ...process.env, ...env },
		stdin: "ignore",
		stdout: "pipe",
		stderr: "pipe",
	});
	started.push(program);
	return program;
}

/** Waits until all programs have ended well. Returns the lines that each has printed. */
async function linesOfAll(programs: readonly Program[]): Promise<string[][]> {
	return await Promise.all(
		programs.map(async ({ stdout, stderr, exited }) => {
			const [lines, complaints, status] = await Promise.all([stdout.text(), stderr.text(), exited]);
			expect({ status, complaints }).toEqual({ status: 0, complaints: "" });
			return lines.split("\n").slice(0, -1);
		}),
	);
}

const lines = orders.map((order) => JSON.stringify(order));

/** Starts the receivers and the sender as programs of their own, all at once. */
async function exchange(run: (file: string, argument: number) => Program): Promise<void> {
	const receivers = Array.from({ length: RECEIVERS }, (_, receiver) => run("receive.ts", receiver));
	const printed = await linesOfAll([...receivers, run("send.ts", RECEIVERS)]);
	expect(printed).toEqual([...receivers.map(() => lines), []]);
}

test("libipc", async () => {
	const prefix = `typed-programs${process.pid}.`;
	const env = { LIBIPC_PREFIX: prefix };
	await exchange((file, argument) => start([process.execPath, join(EXAMPLES, "libipc", file), String(argument)], env));
	expect(list({ prefix })).toEqual([]);
}, 300_000);

test.each(["spawn_ipc", "worker"])(
	"%s",
	async (folder) => {
		// The receivers print to the same pipe: their lines are mixed.
		const sender = start([process.execPath, join(EXAMPLES, folder, "send.ts"), String(RECEIVERS)]);
		const [printed = []] = await linesOfAll([sender]);
		expect(printed.toSorted()).toEqual([...lines, ...lines].toSorted());
	},
	300_000,
);

test("zeromq", async () => {
	const availability = await zeromqInNode.available?.();
	if (availability?.available === false) return expect(availability.reason).toContain("ZeroMQ in Node");
	const directory = mkdtempSync(join(tmpdir(), "libipc-typed-"));
	try {
		// A project in which zeromq is installed.
		cpSync(EXAMPLES, join(directory, "typed"), { recursive: true });
		symlinkSync(fileURLToPath(new URL("../..", zeroMqModule())), join(directory, "node_modules"));
		const node = [nodeBinary(26) ?? "", "--disable-warning=ExperimentalWarning"];
		await exchange((file, argument) =>
			start([...node, join(directory, "typed/zeromq", file), String(argument), directory]),
		);
	} finally {
		rmSync(directory, { recursive: true });
	}
}, 300_000);

test("redis", async () => {
	const availability = await redisPubSub.available?.();
	if (availability?.available === false) return expect(availability.reason).toContain("redis is left out");
	await using server = new RedisServer(findRedisServer());
	await server.ready();
	const env = { REDIS_URL: server.url };
	await exchange((file, argument) => start([process.execPath, join(EXAMPLES, "redis", file), String(argument)], env));
}, 300_000);

test("each typed alternative has a program, which contains what the tables say that one writes", () => {
	expect(Object.keys(typedPrograms)).toEqual(typedAlternatives.map(({ name }) => name));
	for (const program of Object.values(typedPrograms)) {
		const { send, receive } = sourcesOf(program);
		// The programs are formatted: a statement of the table may take two lines.
		expect(send.replace(/\s+/g, " ")).toContain(program.sends);
		expect(receive.replace(/\s+/g, " ")).toContain(program.receives);
		expect(linesOf(program)).toBeGreaterThanOrEqual(8);
	}
});
