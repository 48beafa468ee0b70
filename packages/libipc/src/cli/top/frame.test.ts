import { describe, expect, test } from "bun:test";
import type { ListedName } from "libipc";
import { columnsOf } from "../table.ts";
import { fitted, frameLines, sampleLines, short } from "./frame.ts";
import { type Sample, Sampler } from "./sample.ts";
import { afterKey, chosenRows, firstView, keysIn, type View } from "./view.ts";

/** What the frame does not look at is left out. */
const nothing = {
	...{
		prefix: "",
		state: "live" as const,
		capacity: 65_536,
		maxReceivers: 64,
		overflow: "block" as const,
		permissions: 0o600,
	},
	...{ codec: "", stamped: false, messages: 0, written: 0, wakeups: 0, waiting: 0, permits: 0, initial: 0 },
	...{ robust: false, recovered: 0, unusable: false, endpoints: [], path: "", byteLength: 90_000 },
} as unknown as ListedName;
const receiver = {
	...{ role: "receiver" as const, pid: 1, alive: true, sleeping: false, position: 0, lag: 0, lost: 0, holds: 0 },
	...{ exclusive: false, observer: false, instance: 1 },
} as ListedName["endpoints"][number];

const listed = (name: string, fields: Partial<ListedName> = {}): ListedName => ({
	...nothing,
	...{ name, kind: "channel" },
	...fields,
});

const before = [
	listed("orders", { endpoints: [{ ...receiver, lost: 5 }], wakeups: 2 ** 32 - 10 }),
	listed("価格.価格.価格.価格.価格.価格.価格.価格.価格.価格.価格.価格.価格.価格.価格.価格.価格.価格"),
	listed("lock", { kind: "mutex", wakeups: 3 }),
	listed("again", { messages: 100, written: 1600 }),
	listed("broken\x1b[31m", { state: "damaged" }),
];
const after = [
	listed("orders", {
		...{ messages: 3_000_000, written: 480_000_000, wakeups: 10 },
		endpoints: [
			{ ...receiver, lost: 9, lag: 60_000 },
			{ ...receiver, lost: 2, instance: 2, observer: true },
			{ ...receiver, role: "sender", instance: 3, lost: 2 },
		],
	}),
	...before.slice(1, 2),
	listed("lock", { kind: "mutex", wakeups: 23 }),
	listed("again", { messages: 50, written: 800 }),
	...before.slice(4),
];

function sampled(): Sample {
	const sampler = new Sampler();
	sampler.take(before, 1000);
	return sampler.take(after, 3000);
}

const sample = sampled();
const plain = (_: string, text: string) => text;
const view = (fields: Partial<View>): View => ({ ...firstView, ...fields });
const press = (start: View, keys: string) =>
	keysIn(keys).reduce<View | undefined>((current, key) => current && afterKey(current, key, 10), start);

test("rates are differences by time; counters may wrap, and names may begin again", () => {
	const [orders, , lock, again, broken] = sample.rows;
	expect(orders).toMatchObject({ messages: 1_500_000, bytes: 240_000_000, drops: 4, wakeups: 10 });
	expect(orders).toMatchObject({ lag: 60_000, senders: 1, receivers: 2 });
	expect(lock).toMatchObject({ messages: undefined, wakeups: 10 });
	expect(again).toMatchObject({ messages: undefined, bytes: undefined });
	expect(broken).toMatchObject({ messages: undefined, wakeups: undefined });
	expect(new Sampler().take(after, 5).rows[0]?.messages).toBeUndefined();
});

test("figures have at most five letters", () => {
	const shown = [
		0, 0.04, 7, 7.5, 99.94, 99.96, 123.4, 999.4, 999.6, 4560, 45_600, 999_499, 999_500, 12_345_678, 9.99e14,
	];
	expect(shown.map(short)).toEqual([
		...["0", "0.04", "7", "7.50", "99.9", "100", "123", "999", "1.00k", "4.56k", "45.6k", "999k", "1.00M", "12.3M"],
		"999T",
	]);
	expect(short(undefined)).toBe("-");
	expect(fitted("abcdef", 4, true)).toBe("abc…");
	expect(columnsOf(fitted("価格価格", 6, true))).toBe(6);
});

describe.each([40, 60, 70, 80, 100, 120, 132, 200, 400])("a screen with %d columns", (width) => {
	test("has no line that is wider, and shows what there is room for", () => {
		for (const height of [5, 8, 24]) {
			const lines = frameLines(sample, firstView, { width, height }, "12:00:00", plain);
			expect(lines).toHaveLength(height);
			for (const line of lines) expect(columnsOf(line)).toBeLessThanOrEqual(width);
			expect(lines.join("\n")).not.toContain("\x1b");
			expect(lines[1]).toMatch(/NAME .* MSG\/S {2}MB\/S {2}LAG DROP\/S WAKE\/S/);
			expect(lines[1]?.includes("KIND")).toBe(width >= 70);
			expect(lines[1]?.includes("SIZE")).toBe(width >= 120);
			expect(lines[2]).toMatch(/^orders .* 1\.50M {3}240 {2}92% {6}4 {5}10/);
		}
		for (const line of sampleLines(sample, firstView, width, plain)) expect(columnsOf(line)).toBeLessThanOrEqual(width);
	});
});

describe("keys", () => {
	const namesOf = (chosen: View) => chosenRows(sample.rows, chosen).map(({ name }) => name.name.slice(0, 5));

	test("sort, and turn the order round", () => {
		expect(namesOf(view({}))[0]).toBe("order");
		expect(press(firstView, "w")).toMatchObject({ sort: "wakeups", isReversed: false });
		expect(namesOf(view({ sort: "wakeups" })).slice(0, 2)).toEqual(["order", "lock"]);
		expect(press(firstView, "nn")).toMatchObject({ sort: "name", isReversed: true });
		expect(namesOf(view({ sort: "name", isReversed: true }))[0]).toBe("broke");
	});

	test("filter: letters belong to the text until Enter or Escape", () => {
		const typing = press(firstView, "/Qx\x7f");
		expect(typing).toMatchObject({ filter: "q", isTyping: true });
		expect(press(firstView, "/or\rq")).toBeUndefined();
		expect(press(firstView, "/or\r")).toMatchObject({ filter: "or", isTyping: false });
		expect(namesOf(view({ filter: "or" }))).toEqual(["order"]);
		expect(press(firstView, "/or\x1b")).toMatchObject({ filter: "", isTyping: false });
		expect(press(firstView, "/or\r\x1b")).toMatchObject({ filter: "" });
	});

	test("pause, change the interval, scroll and leave", () => {
		expect(press(firstView, "p")).toMatchObject({ isPaused: true });
		expect(press(firstView, "p ")).toMatchObject({ isPaused: false });
		expect(press(firstView, "++")?.interval).toBe(4);
		expect(press(firstView, "----")?.interval).toBe(0.25);
		expect(press(firstView, "\x1b[B\x1b[B\x1b[A")?.scroll).toBe(1);
		expect(press(firstView, "\x1b[6~k")?.scroll).toBe(9);
		expect(press(firstView, "\x1b[5~")?.scroll).toBe(0);
		for (const key of ["q", "\x03", "/a\x03"]) expect(press(firstView, key)).toBeUndefined();
	});

	test("a scrolled screen shows later rows, and never less than it has room for", () => {
		const lines = frameLines(sample, view({ scroll: 99, sort: "name" }), { width: 80, height: 6 }, "", plain);
		expect(lines.slice(2, 5).map((line) => line.slice(0, 5))).toEqual(["lock ", "again", "broke"]);
	});
});
