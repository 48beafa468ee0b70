import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, rmSync } from "node:fs";
import { Names } from "@libipc/testing/names";
import type { TestProgram } from "@libipc/testing/test_program";
import { testUnless } from "@libipc/testing/test_unless";
import * as library from "libipc";
import { Channel, type ListedEndpoint, type ListedName, list, Mutex, Queue, Semaphore } from "libipc";
import { holder, leaveBehind, makeOddNames } from "../testing/odd_names.ts";
import { jsonOf, runLibipc, runtimes } from "../testing/run_libipc.ts";
import { RunningLibipc } from "../testing/start_libipc.ts";

setDefaultTimeout(300_000);

const names = new Names("cmdstat", library);
const { prefix } = names;
const path = (name: string) => names.path("channel", name);
const run = (args: readonly string[], options = {}) => runLibipc(["stat", ...args, "--prefix", prefix], options);
const open: Disposable[] = [];
let owner: TestProgram;

beforeAll(async () => {
	const sender = Channel.sender("live", { prefix, capacity: 4096, overflow: "drop-oldest" });
	open.push(sender, Channel.receiver("live", { prefix }), Channel.receiver("live", { prefix, lossy: true }));
	sender.send("x".repeat(1000));
	open.push(Queue.receiver("jobs", { prefix, deadLetter: "failed", maxAttempts: 3 }));
	open.push(Semaphore.open("permits", { prefix, initial: 4, robust: true }));
	owner = await holder(prefix, "lock", "mutex");
	open.push(Mutex.open("lock", { prefix }));
	makeOddNames(path("live"), path);
	await leaveBehind(prefix, "left", "channel");
});

afterAll(async () => {
	for (const each of open) each[Symbol.dispose]();
	await owner.kill();
	for (const file of names.files()) rmSync(`/dev/shm/${file}`, { force: true });
});

describe.each(runtimes)("libipc stat in %s", (_, command) => {
	test("shows a channel, a lock that a process holds, a queue and what is left", () => {
		const { status, out, err } = run(["live", "lock", "jobs", "left", "permits"], { command });
		expect({ status, err }).toEqual({ status: 0, err: "" });
		const parts = out.split("\n\n");
		expect(parts).toHaveLength(10);
		expect(out).toMatch(
			new RegExp(`channel "live" \\(prefix "${prefix}"\\)\n  state +live\n  file +${path("live")}\n`),
		);
		expect(out).toMatch(/ring +4 KiB, if it is full: drop-oldest\n/);
		expect(out).toMatch(/codec +none: messages are bytes\n/);
		expect(out).toMatch(/messages +1 \(1008 B of records\)\n {2}slowest +1008 B behind \(25 %\)\n/);
		expect(out).toMatch(new RegExp(`sender +${process.pid} +bun.* +awake +\\d+ m?s +1,008\n`));
		expect(out).toMatch(new RegExp(`receiver +${process.pid} .* 1008 B +0\n`));
		expect(out).toMatch(new RegExp(`observer +${process.pid} .* 1008 B +0\n`));
		expect(out).toMatch(new RegExp(`handle +${owner.pid} +bun holder\\.child\\.ts +awake .* locked\n`));
		expect(out).toMatch(/dead letters +to the queue "failed", after 3 attempts\n/);
		expect(out).toMatch(/permits +4 free, 4 at first\n {2}robust +yes, 0 came back\n/);
		expect(out).toMatch(/receiver +\d+ +\? +dead /);
	});

	test("--json has what list() returns, and the programs", () => {
		const [name] = jsonOf<ListedName[]>(["stat", "lock", "--prefix", prefix], { command });
		const holding = name?.endpoints.find(({ exclusive }) => exclusive);
		expect(holding as ListedEndpoint & { program: string }).toMatchObject({
			pid: owner.pid,
			program: "bun holder.child.ts",
		});
		expect(Object.keys(name ?? {})).toEqual(Object.keys(list({ prefix })[0] ?? {}));
	});
});

describe("libipc stat", () => {
	test("shows what is known of names that cannot be read", () => {
		const facts = (name: string) => run([name]).out.split("\n").slice(1);
		expect(facts("damaged").join("\n")).toMatch(/^ {2}state +damaged\n {2}file .*\n {2}memory +9\.8 KiB\n/);
		expect(facts("foreign").join("\n")).toMatch(/^ {2}state +foreign\n/);
		expect(facts("other").join("\n")).toMatch(/^ {2}state +other version\n.*\n.*\n {2}layout +version 99\n$/);
	});

	test("shows since when an event loop waits", async () => {
		const controller = new AbortController();
		using receiver = Channel.receiver("waits", { prefix, capacity: 4096 });
		const message = receiver.recvAsync({ signal: controller.signal }).catch(() => null);
		await new Promise((resolve) => setTimeout(resolve, 100));
		expect(run(["waits"]).out).toMatch(/receiver +\d+ .* asleep \d+ m?s /);
		controller.abort();
		await message;
	});

	test("shows which receiver of a queue holds which messages, and with --watch at least how long", () => {
		using sender = Queue.sender("work", { prefix, capacity: 4096 });
		using busy = Queue.receiver("work", { prefix });
		using _idle = Queue.receiver("work", { prefix });
		sender.sendBatch(["12345678", "12345678", "12345678"]);
		busy.tryTake()?.retry();
		const lease = busy.tryTake();
		const { status, out, err } = run(["work", "--watch", "0.2"]);
		expect({ status, err }).toEqual({ status: 0, err: "" });
		expect(out).toMatch(/\n {2}waiting +48 B \(1 %\)\n {2}in work +1 message, held by 1 receiver\n/);
		expect(out).toMatch(/receiver +\d+ .* 1 message +2 +72 B back +at least 2\d\d ms\n/);
		expect(out).toMatch(/receiver +\d+ +\S+ \S+ +awake +\d+ m?s +\d+\n/);
		const [listed] = jsonOf<ListedName[]>(["stat", "work", "--prefix", prefix, "-w", "0.05"]);
		expect(listed?.endpoints.filter(({ role }) => role === "receiver")).toMatchObject([
			{ holds: 1, attempts: 2, lag: 72, held: { since: expect.any(Number), certain: true } },
			{ holds: 0, attempts: 0, lag: 0, held: null },
		]);
		lease?.done();
		expect(run(["work"]).out).toMatch(/in work +0 messages\n/);
	});

	test("shows the owner of a lock, its waiters, and with --watch whether each look finds the same owner", async () => {
		const controller = new AbortController();
		using waiter = Mutex.open("lock", { prefix });
		const wait = waiter.lockAsync({ signal: controller.signal }).catch(() => null);
		const isWaiting = () =>
			list({ prefix })
				.find(({ name }) => name === "lock")
				?.endpoints.some(({ sleeping }) => sleeping);
		while (!isWaiting()) await Bun.sleep(1);
		const { out } = run(["lock", "--watch", "0.1"]);
		expect(out).toMatch(new RegExp(`\n  owner +process ${owner.pid} \\(bun holder\\.child\\.ts\\)\n`));
		expect(out).toMatch(/\n {2}waiting +1 handle, the longest for \d+ m?s\n/);
		expect(out).toMatch(new RegExp(`handle +${owner.pid} .* locked +at each look for (\\d{2,} ms|\\d+ s)\n`));
		controller.abort();
		await wait;
	});

	test("counts what a sender with drop-newest refuses, and shows it in LOST; top shows it in DROP/S", async () => {
		using _receiver = Channel.receiver("full", { prefix, capacity: 4096, overflow: "drop-newest" });
		using sender = Channel.sender("full", { prefix });
		while (sender.send("x".repeat(100)));
		expect(run(["full"]).out).toMatch(/sender +\d+ .* +1\n/);
		const refusing = setInterval(() => sender.send("x".repeat(100)), 5);
		await using top = new RunningLibipc(["top", "full", "--prefix", prefix, "-i", "0.3", "--json"]);
		const { out } = await top.ended();
		clearInterval(refusing);
		expect(JSON.parse(out).names[0].perSecond.drops).toBeGreaterThan(0);
	});

	test("a name that does not exist gives status 3, none 2", () => {
		expect(run(["none"]).status).toBe(3);
		expect(run([])).toMatchObject({ status: 2, out: "", err: expect.stringMatching(/needs NAME…/) });
	});

	testUnless(process.getuid?.() !== 0, "Only root can start a process of another user.")(
		"of another user's name, shows the file",
		() => {
			chmodSync(path("live"), 0o600);
			expect(run(["live"], { uid: 65_534 }).out).toMatch(/state +other user's\n {2}file +\/.*\n$/);
		},
	);
});
