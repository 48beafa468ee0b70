import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, rmSync } from "node:fs";
import { Names } from "@libipc/testing/names";
import { testUnless } from "@libipc/testing/test_unless";
import * as library from "libipc";
import { Channel, type ListedName, Mutex, Queue } from "libipc";
import { leaveBehind, makeOddNames } from "../testing/odd_names.ts";
import { jsonOf, runLibipc, runtimes } from "../testing/run_libipc.ts";

setDefaultTimeout(300_000);

const names = new Names("cmdls", library);
const { prefix } = names;
const path = (name: string) => names.path("channel", name);
const open: Disposable[] = [];

beforeAll(async () => {
	const sender = Channel.sender("live", { prefix, capacity: 4096 });
	const receiver = Channel.receiver("live", { prefix });
	const queue = Queue.sender("jobs", { prefix });
	open.push(sender, receiver, queue, Mutex.open("lock", { prefix }));
	sender.send("x".repeat(1000));
	queue.send("job");
	makeOddNames(path("live"), path);
	await leaveBehind(prefix, "left", "channel");
});

afterAll(() => {
	for (const each of open) each[Symbol.dispose]();
	for (const file of names.files()) rmSync(`/dev/shm/${file}`, { force: true });
});

describe.each(runtimes)("libipc ls in %s", (_, command) => {
	test("prints a table with the state of each name", () => {
		const { status, out, err } = runLibipc(["ls", "--prefix", prefix], { command });
		expect({ status, err }).toEqual({ status: 0, err: "" });
		const [head, ...lines] = out.trimEnd().split("\n");
		const cells = (line: string) => line.replace(`${prefix}  `, "").split(/ {2,}/);
		expect(cells(head?.replace("PREFIX", prefix) ?? "")).toEqual(
			expect.arrayContaining(["NAME", "KIND", "STATE", "SIZE", "ENDPOINTS", "LAG", "MESSAGES"]),
		);
		expect(lines.map((line) => cells(line).slice(0, 3).join(" "))).toEqual([
			"damaged channel damaged",
			"foreign channel foreign",
			"jobs queue live",
			"left channel leftover",
			"live channel live",
			"lock mutex live",
			"other channel other version",
			"unfinished channel unfinished",
		]);
		const rowOf = (name: string) => lines.find((line) => cells(line)[0] === name) ?? "";
		expect(rowOf("live")).toMatch(/1 sender, 1 receiver {2,}1008 B \(25 %\) {2,}1$/);
		expect(rowOf("left")).toMatch(/\+1 dead/);
		expect(rowOf("lock")).toMatch(/1 handle$/);
		expect(rowOf("jobs")).toMatch(/24 B \(0 %\) {2,}1$/);
	});

	test("--json prints what list() returns, sorted as asked", () => {
		const listed = jsonOf<ListedName[]>(["ls", "--prefix", prefix, "--sort", "lag"], { command });
		expect(listed[0]).toMatchObject({ name: "live", kind: "channel", state: "live", capacity: 4096 });
		expect(listed[0]?.endpoints.map(({ role, pid }) => [role, pid])).toEqual([
			["sender", process.pid],
			["receiver", process.pid],
		]);
		expect(listed).toHaveLength(8);
	});
});

describe("libipc ls", () => {
	test("takes names, patterns and kinds", () => {
		const quiet = (...args: string[]) =>
			runLibipc(["ls", "-q", "--prefix", prefix, ...args])
				.out.trimEnd()
				.split("\n");
		expect(quiet("l*")).toEqual(["left", "live", "lock"]);
		expect(quiet("l?ve", "jobs")).toEqual(["jobs", "live"]);
		expect(quiet("-k", "mutex")).toEqual(["lock"]);
	});

	test("a name that does not exist gives status 3, a wrong call 2", () => {
		expect(runLibipc(["ls", "--prefix", prefix, "none"])).toEqual({
			status: 3,
			out: "",
			err: `libipc ls: There is no name "none" with the prefix "${prefix}". \`libipc ls\` shows all names.\n`,
		});
		expect(runLibipc(["ls", "--sort", "colour"])).toMatchObject({ status: 2, out: "" });
		expect(runLibipc(["ls", "--json", "none", "--prefix", prefix]).err).toMatch(
			/^\{"error":\{"message":"There is no name/,
		);
	});

	testUnless(process.getuid?.() !== 0, "Only root can start a process of another user.")(
		"says which names belong to another user",
		() => {
			chmodSync(path("live"), 0o600);
			const { out } = runLibipc(["ls", "--prefix", prefix, "live"], { uid: 65_534 });
			expect(out).toMatch(/live {2,}channel {2}other user's/);
		},
	);

	test("has no colours in a pipe, and takes --dir", () => {
		const { status, out, err } = runLibipc(["ls", "--dir", import.meta.dirname], { env: { FORCE_COLOR: "1" } });
		expect({ status, out, err }).toEqual({ status: 0, out: "", err: "No process uses a name of libipc here.\n" });
		expect(runLibipc(["--prefix", prefix, "ls"]).out).not.toContain("\x1b");
	});
});
