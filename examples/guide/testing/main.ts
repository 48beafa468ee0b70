/** Two tests of a program that uses libipc, run twice at the same time: `bun examples/guide/testing/main.ts`. */
import { deepEqual, equal } from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { Channel, clear, list, Queue } from "libipc";

const [role = "runner"] = process.argv.slice(2);
const decoder = new TextDecoder();

/** This file as another process, in another role. */
function start(role: string, env = process.env) {
	const program = [...process.execArgv, import.meta.filename, role];
	return spawn(process.execPath, program, { env, stdio: ["ignore", "pipe", "inherit"] });
}

/** The program under test. It knows nothing of tests: names without a prefix are those of LIBIPC_PREFIX. */
async function program(): Promise<void> {
	using words = Queue.receiver("words");
	using lengths = Channel.sender("lengths");
	for await (const word of words) {
		if (word.byteLength === 0) break;
		lengths.send(`${decoder.decode(word)}: ${word.byteLength}`);
	}
}

/** The real program as a process; this process is the other side. */
async function testProcess(): Promise<void> {
	using words = Queue.sender("words");
	using lengths = Channel.receiver("lengths");
	const exited = once(start("program"), "exit");
	words.sendBatch(["one", "three", ""]);
	const received: string[] = [];
	while (received.length < 2) {
		// A time limit in each wait: a test that fails must end.
		const message = await lengths.recvAsync({ timeout: 10_000 });
		if (!message) throw new Error("the program sent nothing");
		received.push(decoder.decode(message));
	}
	deepEqual(received, ["one: 3", "three: 5"]);
	deepEqual(await exited, [0, null]);
}

/** A killed program: the others notice within a second. */
async function testKill(): Promise<void> {
	using words = Queue.sender("words");
	const child = start("program");
	// Waits for what happens, not for a time. The limit is for a test that fails.
	for await (const { type, role, pid } of words.peers({ signal: AbortSignal.timeout(20_000) })) {
		if (type === "joined" && role === "receiver" && pid === child.pid) child.kill("SIGKILL");
		if (type === "died") break;
	}
	equal(words.receiverCount, 0);
}

async function test(): Promise<void> {
	await testProcess();
	await testKill();
	// What a killed process left goes, and what a test forgot to close shows.
	clear({ prefix: process.env.LIBIPC_PREFIX ?? "" });
	console.log(`passed; left: ${list().length}`);
}

async function runTests(): Promise<void> {
	const runs = ["a", "b"].map((run) => {
		const env = { ...process.env, LIBIPC_PREFIX: `guide-${process.pid}-${run}` };
		return text(start("test", env).stdout);
	});
	for (const output of runs) console.log((await output).trim());
}

if (role === "program") await program();
else if (role === "test") await test();
else await runTests();
