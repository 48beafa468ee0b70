/** Three processes count in shared memory and write a table: `bun examples/guide/shared-counters/main.ts`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Condition, Mutex, SharedMemory } from "libipc";

const [role = "reader", prefix = `guide-${process.pid}`, id = ""] = process.argv.slice(2);

/** Indices of the 32-bit words at the beginning. */
const [START, COUNT, DONE, ROWS] = [0, 1, 2, 3];
/** The byte offset of the table, and the bytes of a row. */
const [TABLE, ROW] = [16, 32];

function count(): void {
	using memory = SharedMemory.open("counters", { prefix, mode: "open" });
	using mutex = Mutex.open("table", { prefix });
	using filled = Condition.open("table-filled", { prefix });
	const { words } = memory;
	while (Atomics.load(words, START) === 0) memory.waitOn(START * 4, 0);
	for (let i = 0; i < 10_000; i++) Atomics.add(words, COUNT, 1);
	// First change the word, then wake the waiting process.
	Atomics.add(words, DONE, 1);
	memory.wake(DONE * 4);

	// A row is larger than a word, so the row and the number of rows change under the mutex.
	using _guard = mutex.acquire();
	const row = Atomics.load(words, ROWS);
	const offset = TABLE + row * ROW;
	memory.grow(offset + ROW);
	// `memory.bytes` is read again after grow(): it covers the new size. `words` stays valid for the old part.
	new TextEncoder().encodeInto(`counter ${id} was here`, memory.bytes.subarray(offset, offset + ROW));
	Atomics.store(words, ROWS, row + 1);
	filled.notify();
}

async function read(): Promise<void> {
	using memory = SharedMemory.open("counters", { prefix, size: TABLE });
	using mutex = Mutex.open("table", { prefix });
	using filled = Condition.open("table-filled", { prefix });
	const { words } = memory;
	const counters = ["a", "b", "c"].map((each) => {
		const counter = [...process.execArgv, import.meta.filename, "counter", prefix, each];
		return once(spawn(process.execPath, counter, { stdio: "inherit" }), "exit");
	});
	Atomics.store(words, START, 1);
	memory.wake(START * 4);
	// Waits until the word differs from the last value. The event loop runs meanwhile.
	for (let done = 0; done < counters.length; done = Atomics.load(words, DONE)) await memory.waitOnAsync(DONE * 4, done);
	console.log(`counted: ${Atomics.load(words, COUNT)}`);

	const rows: string[] = [];
	{
		using _guard = await mutex.acquireAsync();
		// In a loop, because a wait may end without a notification.
		while (Atomics.load(words, ROWS) < counters.length) await filled.waitAsync(mutex);
		const { bytes } = memory;
		for (let at = TABLE; at < bytes.length; at += ROW)
			rows.push(new TextDecoder().decode(bytes.subarray(at, at + ROW)).replace(/\0+$/, ""));
	}
	for (const row of rows.sort()) console.log(row);
	console.log(`the memory has grown from ${words.byteLength} to ${memory.byteLength} bytes`);
	await Promise.all(counters);
}

if (role === "counter") count();
else await read();
