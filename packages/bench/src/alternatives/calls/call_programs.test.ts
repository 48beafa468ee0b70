/** The programs in `examples/calls`, whose lines the tables count: they run, and each client prints what it got. */
import { afterEach, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Subprocess } from "bun";
import { list } from "libipc";
import { quoteOf, symbols } from "../../../../../examples/calls/prices.ts";
import { findRedisServer, RedisServer, redisAvailability } from "../redis_server.ts";
import { TemporaryDirectory } from "../temporary_directory.ts";
import { callAlternatives } from "./call_alternatives.ts";
import { callPrograms, linesOf, sourcesOf } from "./call_programs.ts";

const EXAMPLES = fileURLToPath(new URL("../../../../../examples/calls", import.meta.url));

type Program = Subprocess<"ignore", "pipe", "pipe">;
const started: Program[] = [];

afterEach(async () => {
	for (const program of started.splice(0)) {
		program.kill("SIGKILL");
		await program.exited;
	}
});

function start(file: string, args: readonly string[] = [], env: Record<string, string> = {}): Program {
	const program = Bun.spawn([process.execPath, join(EXAMPLES, file), ...args], {
		env: { ...process.env, ...env },
		stdin: "ignore",
		stdout: "pipe",
		stderr: "pipe",
	});
	started.push(program);
	return program;
}

/** Waits until a program has ended well. Returns the lines that it has printed. */
async function linesOfProgram({ stdout, stderr, exited }: Program): Promise<string[]> {
	const [lines, complaints, status] = await Promise.all([stdout.text(), stderr.text(), exited]);
	expect({ status, complaints }).toEqual({ status: 0, complaints: "" });
	return lines.split("\n").slice(0, -1);
}

/** Three answers, and then the last of them as the latest value. */
const printed = [
	...symbols.map((symbol) => JSON.stringify(quoteOf(symbol))),
	`latest ${JSON.stringify(quoteOf(symbols[2]))}`,
];

/** Starts a server and a client at the same time, each in another terminal, so to speak. The server ends at SIGTERM. */
async function exchange(folder: string, args: readonly string[], env: Record<string, string> = {}): Promise<void> {
	const server = start(`${folder}/server.ts`, args, env);
	const client = start(`${folder}/client.ts`, args, env);
	expect(await linesOfProgram(client)).toEqual(printed);
	server.kill("SIGTERM");
	expect(await linesOfProgram(server)).toEqual([]);
}

test.each(["comlink", "spawn_ipc"])(
	"%s",
	async (folder) => {
		expect(await linesOfProgram(start(`${folder}/client.ts`))).toEqual(printed);
	},
	300_000,
);

test("libipc", async () => {
	const prefix = `call-programs${process.pid}.`;
	await exchange("libipc", [], { LIBIPC_PREFIX: prefix });
	expect(list({ prefix })).toEqual([]);
}, 300_000);

test("http", async () => {
	using directory = new TemporaryDirectory();
	const socket = join(directory.path, "socket");
	await exchange("http", [socket]);
	expect(existsSync(socket)).toBe(false);
}, 300_000);

test("redis", async () => {
	const availability = await redisAvailability();
	if (!availability.available) return expect(availability.reason).toContain("redis is left out");
	await using server = new RedisServer(findRedisServer());
	await server.ready();
	await exchange("redis", [], { REDIS_URL: server.url });
}, 300_000);

test("each alternative has a program, which contains what the tables say that one writes", () => {
	expect(Object.keys(callPrograms)).toEqual(callAlternatives.map(({ name }) => name));
	for (const [name, program] of Object.entries(callPrograms)) {
		const { client } = sourcesOf(program);
		// The calls that block differ in one word.
		const source = name.endsWith("$sync") ? client.replace("await prices.", "prices.$sync.") : client;
		expect(source).toContain(program.calls);
		expect(client).toContain(program.reads);
		expect(linesOf(program)).toBeGreaterThanOrEqual(8);
	}
});
