/**
 * The picture of `libipc top` in the README: a real frame, of a small shop that runs for a few seconds.
 *
 *   bun run docs:top
 */
import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Channel, Mutex, Queue, Route } from "libipc";
import { root } from "./lib/repository.ts";
import { terminalSvg } from "./lib/terminal_svg.ts";

const TARGET = "docs/top.svg";
const COLUMNS = 96;
const ROWS = 10;
const SECONDS = 4;

const prefix = `shop${process.pid}`;
using stack = new DisposableStack();

/** What the shop sends in each turn, and who reads it. */
const prices = stack.use(Route.sender("prices", { prefix, capacity: 4 << 20 }));
const priceReaders = [0, 1].map(() => stack.use(Route.receiver("prices", { prefix })));
const orders = stack.use(Channel.sender("orders", { prefix }));
const orderReader = stack.use(Channel.receiver("orders", { prefix }));
const slowReader = stack.use(Channel.receiver("orders", { prefix }));
const jobs = stack.use(Queue.sender("jobs", { prefix, capacity: 262_144 }));
const worker = stack.use(Queue.receiver("jobs", { prefix }));
const frames = stack.use(Channel.sender("camera.frames", { prefix, capacity: 1 << 20, overflow: "drop-oldest" }));
const viewer = stack.use(Channel.receiver("camera.frames", { prefix }));
const log = stack.use(Channel.sender("log", { prefix }));
const logReader = stack.use(Channel.receiver("log", { prefix }));
stack.use(Mutex.open("settings.lock", { prefix }));

const small = new Uint8Array(48);
const order = new Uint8Array(400);
const frame = new Uint8Array(100_000);
let turn = 0;

const traffic = setInterval(() => {
	turn++;
	for (let i = 0; i < 2000; i++) prices.trySend(small);
	for (const reader of priceReaders) reader.drainBatch(() => {}, { max: 4000, timeout: 0 });
	for (let i = 0; i < 40; i++) orders.trySend(order);
	orderReader.drainBatch(() => {}, { timeout: 0 });
	slowReader.drain(() => {}, { max: 36, timeout: 0 });
	for (let i = 0; i < 9; i++) jobs.trySend(order);
	worker.drain(() => {}, { max: 8, timeout: 0 });
	for (let i = 0; i < 3; i++) frames.send(frame);
	if (turn % 6 === 0) viewer.drain(() => {}, { timeout: 0 });
	if (turn % 10 === 0) log.trySend("a line of the log");
}, 10);
const listening = (async () => {
	for await (const _ of logReader);
})();

let written = "";
const terminal = new Bun.Terminal({
	cols: COLUMNS,
	rows: ROWS,
	data(_, bytes) {
		written += new TextDecoder().decode(bytes);
	},
});
const top = Bun.spawn([process.execPath, `${root}packages/libipc/src/cli/libipc.ts`, "top", "--prefix", prefix], {
	terminal,
	env: { ...process.env, TERM: "xterm", NO_COLOR: undefined },
});
await sleep(SECONDS * 1000);
const last = written.split("\x1b[H").at(-1) ?? "";
top.kill("SIGTERM");
await top.exited;
terminal.close();
clearInterval(traffic);
logReader.close();
await listening.catch(() => {});
// biome-ignore lint/suspicious/noControlCharactersInRegex: each line is erased before it is written
const lines = last.split("\r\n").map((line) => line.replace(/^\x1b\[2K/, ""));
writeFileSync(`${root}${TARGET}`, terminalSvg(lines, COLUMNS, "libipc top: a line for each name, with its rates"));
console.log(`wrote ${TARGET}`);
process.exit(0);
