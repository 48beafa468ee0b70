import { afterAll, describe, expect, test } from "bun:test";
import { Channel, Route } from "./index.ts";
import { Child } from "./testing/child.ts";

const prefix = `processes${process.pid}`;
const names = { route: ["lossless"], channel: ["total-order", "batches", "idle"] };

afterAll(() => {
	for (const name of names.route) Route.clear(name, { prefix });
	for (const name of names.channel) Channel.clear(name, { prefix });
});

interface Received {
	readonly received: number;
	readonly next: number[];
	readonly order: string;
}

async function exchange(
	kind: "route" | "channel",
	name: string,
	{
		senders,
		receivers,
		perSender,
		largest,
		batch = "",
		drain = "",
	}: Record<"senders" | "receivers" | "perSender" | "largest", number> & {
		batch?: string;
		drain?: string;
	},
): Promise<Received[]> {
	await using stack = new AsyncDisposableStack();
	const receiving = Array.from({ length: receivers }, () =>
		stack.use(new Child("receiver.child.ts", [kind, prefix, name, perSender * senders, largest, drain])),
	);
	for (const child of receiving) expect(await child.line()).toBe("ready");
	const sending = Array.from({ length: senders }, (_, i) =>
		stack.use(new Child("sender.child.ts", [kind, prefix, name, i, perSender, largest, receivers, batch])),
	);
	for (const child of sending) {
		expect(await child.line()).toBe("ready");
		expect(await child.report<{ sent: number }>()).toEqual({ sent: perSender });
	}
	return await Promise.all(receiving.map((child) => child.report<Received>()));
}

describe("between processes", () => {
	test("a route delivers everything to three receivers, in order", async () => {
		const results = await exchange("route", "lossless", { senders: 1, receivers: 3, perSender: 50_000, largest: 5000 });
		for (const result of results) expect(result).toMatchObject({ received: 50_000, next: [50_000] });
	}, 60_000);

	test("two senders, large and small mixed, a million messages: one same order at every receiver", async () => {
		const perSender = 500_000;
		const results = await exchange("channel", "total-order", { senders: 2, receivers: 2, perSender, largest: 20_000 });
		for (const result of results)
			expect(result).toEqual({ received: 2 * perSender, next: [perSender, perSender], order: results[0]?.order ?? "" });
	}, 120_000);

	test("batches and drain: four senders, two receivers", async () => {
		const options = { senders: 4, receivers: 2, perSender: 20_000, largest: 3000, batch: "batch", drain: "drain" };
		const results = await exchange("channel", "batches", options);
		for (const result of results)
			expect(result).toEqual({
				received: 80_000,
				next: [20_000, 20_000, 20_000, 20_000],
				order: results[0]?.order ?? "",
			});
	}, 60_000);

	test("a receiver that waits uses no processor time", async () => {
		await using child = new Child("idle.child.ts", [prefix, "idle", 3]);
		const { cpuMs } = await child.report<{ cpuMs: number }>();
		expect(cpuMs).toBeLessThan(10);
	}, 30_000);
});
