import { afterAll, afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, rmSync } from "node:fs";
import { Names } from "@libipc/testing/names";
import { testUnless } from "@libipc/testing/test_unless";
import * as library from "libipc";
import { Channel, Mutex } from "libipc";
import { leaveBehind, makeOddNames } from "../testing/odd_names.ts";
import { PseudoTerminal } from "../testing/pseudo_terminal.ts";
import { jsonOf, runLibipc, runtimes } from "../testing/run_libipc.ts";

// Each test starts some processes.
setDefaultTimeout(60_000);

const names = new Names("cmdtop", library);
const { prefix } = names;
const path = (name: string) => names.path("channel", name);
const removeFiles = () => {
	for (const file of names.files()) rmSync(`/dev/shm/${file}`, { force: true });
};
afterEach(removeFiles);
afterAll(removeFiles);

/** Processor time of a process, in milliseconds. */
function processorTime(pid: number): number {
	const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
	return (Number(fields[11]) + Number(fields[12])) * 10;
}

const alternateOn = "\x1b[?1049h";
const alternateOff = "\x1b[?1049l";

describe("libipc top on a terminal", () => {
	test.each(runtimes)(
		"shows rates, obeys keys, and gives the terminal back: %s",
		async (_, command) => {
			using sender = Channel.sender("prices", { prefix, capacity: 65_536 });
			using _receiver = Channel.receiver("prices", { prefix });
			using _lock = Mutex.open("lock", { prefix });
			const traffic = setInterval(() => sender.trySend("x".repeat(100)), 5);
			try {
				await using top = new PseudoTerminal(["top", "--prefix", prefix, "-i", "0.2"], 60, 12, command);
				const lines = await top.shows((shown) => /^prices .*[1-9]/.test(shown[2] ?? "") && !shown[2]?.includes(" - "));
				expect(top.written.startsWith(alternateOn)).toBeTrue();
				expect(lines).toHaveLength(12);
				expect(lines[0]).toMatch(/^libipc top \d\d:\d\d:\d\d {2}every 0\.2 s {2}2 names/);
				expect(lines[1]).toMatch(/^NAME {2,}.*MSG\/S {2}MB\/S {2}LAG DROP\/S WAKE\/S$/);
				expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(60);
				expect(top.written).toContain("\x1b[36m MSG/S\x1b[0m");

				top.type("n");
				await top.shows((shown) => shown[2]?.startsWith("lock") === true);
				top.type("/PRI");
				await top.shows(
					(shown) => shown.at(-1)?.startsWith("filter: pri_") === true && shown[2]?.startsWith("prices") === true,
				);
				top.type("\r");
				await top.shows((shown) => /^libipc top .* 1 of 2 names/.test(shown[0] ?? ""));
				top.type("\x1b");
				top.resize(120, 8);
				const wide = await top.shows(
					(shown) => shown.length === 8 && /KIND.*S\/R.*BEHIND.*TOTAL.*SIZE$/.test(shown[1] ?? ""),
				);
				expect(wide.join("\n")).toMatch(/^prices .* channel /m);
				top.type("p");
				const paused = await top.shows((shown) => shown[0]?.includes("PAUSED") === true);
				expect(paused.join("\n")).toContain("lock");
				top.type("q");
				expect(await top.ended()).toBe(0);
				await top.wrote(`\x1b[?25h${alternateOff}`);
			} finally {
				clearInterval(traffic);
			}
		},
		30_000,
	);

	test("gives the terminal back when it is asked to end", async () => {
		await using top = new PseudoTerminal(["top", "--prefix", prefix], 60, 12);
		await top.shows((shown) => shown[0]?.includes(" 0 names") === true);
		top.signal("SIGTERM");
		expect(await top.ended()).toBe(0);
		await top.wrote(alternateOff);
	});

	testUnless(process.platform !== "linux", "The test reads processor times from /proc.")(
		"takes less than 1 % of a processor with 100 names and a look each second",
		async () => {
			const open = Array.from({ length: 100 }, (_, i) => [
				Channel.sender(`n${i}`, { prefix, capacity: 65_536 }),
				Channel.receiver(`n${i}`, { prefix }),
			]).flat();
			try {
				// As many looks as in 20 s, in less time.
				await using top = new PseudoTerminal(["top", "--prefix", prefix, "-i", "0.05"], 100, 50);
				await top.frames(10);
				// Other programs can only add to it, by emptying caches: the least counts.
				let least = Number.POSITIVE_INFINITY;
				for (let attempt = 0; attempt < 5 && least >= 10; attempt++) {
					const before = processorTime(top.pid);
					await top.frames(20);
					least = Math.min(least, (processorTime(top.pid) - before) / 20);
				}
				expect(least).toBeLessThan(10);
			} finally {
				for (const each of open) each.close();
			}
		},
	);
});

test("libipc top --once and --json print one sample, with names in every state", async () => {
	using sender = Channel.sender("live", { prefix, capacity: 4096 });
	using _receiver = Channel.receiver("live", { prefix });
	sender.send("x".repeat(2000));
	makeOddNames(path("live"), path);
	await leaveBehind(prefix, "left", "channel");
	const { status, out, err } = runLibipc(["top", "--prefix", prefix, "-i", "0.1", "--sort", "lag", "--once"]);
	expect({ status, err }).toEqual({ status: 0, err: "" });
	const [head, first, ...rest] = out.trimEnd().split("\n");
	expect(head).toMatch(/^NAME +KIND +MSG\/S +MB\/S +LAG/);
	expect(first).toMatch(/^live +channel +0 +0 +49% +0 +0 +1\/1 +2 KiB +1$/);
	expect(rest.map((line) => line.split(/ {2,}/).slice(0, 2).join(" ")).sort()).toEqual([
		"damaged damaged",
		"foreign foreign",
		"left leftover",
		"other other version",
		"unfinished unfinished",
	]);
	const json = jsonOf<{ names: object[] }>(["top", "live", "--prefix", prefix, "-i", "0.1"]);
	expect(json.names).toMatchObject([
		{ name: "live", perSecond: { messages: 0, drops: 0 }, lag: 2008, senders: 1, total: { messages: 1 } },
	]);
	expect(runLibipc(["top", "none", "--prefix", prefix])).toMatchObject({ status: 3, out: "" });
});
