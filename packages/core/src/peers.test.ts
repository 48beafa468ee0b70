import { afterAll, describe, expect, test } from "bun:test";
import { Channel, type PeerEvent, Queue, Route } from "./index.ts";
import { Child } from "./testing/child.ts";
import { Names } from "./testing/names.ts";
import { isPending } from "./testing/text.ts";

const names = new Names("peers");
const { prefix } = names;

afterAll(() => names.clear());

/** What an event says, without the number of the endpoint. */
const shown = ({ type, role, pid }: PeerEvent) => `${type} ${role} ${pid}`;
const here = process.pid;

/** The next so many events. */
async function take(events: AsyncIterator<PeerEvent>, count: number): Promise<PeerEvent[]> {
	const taken: PeerEvent[] = [];
	while (taken.length < count) {
		const { value, done } = await events.next();
		if (done) throw new Error("there are no more events");
		taken.push(value);
	}
	return taken;
}

async function holder(kind: string, role: string, name: string): Promise<Child> {
	const child = new Child("holder.child.ts", [kind, role, prefix, name]);
	expect(await child.line()).toBe("ready");
	return child;
}

describe.each([
	["route", Route],
	["channel", Channel],
	["queue", Queue],
] as const)("peers of a %s", (kind, factory) => {
	test.each(["sender", "receiver"] as const)(
		"a killed %s has died, within 1.5 s",
		async (role) => {
			const name = names.next();
			using receiver = factory.receiver(name, { prefix });
			const events = receiver.peers();
			const child = await holder(kind, role, name);
			await using _ = child;
			const [joined] = await take(events, 1);
			expect(joined).toEqual({ type: "joined", role, pid: child.pid, id: expect.any(Number) });
			const death = take(events, 1);
			expect(await isPending(death)).toBe(true);
			await child.kill();
			const killed = performance.now();
			expect(await death).toEqual([{ type: "died", role, pid: child.pid, id: joined?.id ?? -1 }]);
			expect(performance.now() - killed).toBeLessThan(1500);
		},
		20_000,
	);

	test("two watchers each learn of a death, also when one of them was told by another wait", async () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix });
		const first = receiver.peers();
		const second = receiver.peers();
		await using child = await holder(kind, "receiver", name);
		const told: string[] = [];
		using other = factory.receiver(name, { prefix, onPeer: (event) => told.push(shown(event)) });
		expect((await take(first, 2)).map(shown).sort()).toEqual(
			[`joined receiver ${child.pid}`, `joined receiver ${here}`].sort(),
		);
		expect((await take(second, 2)).map(shown).sort()).toEqual(
			[`joined receiver ${child.pid}`, `joined receiver ${here}`].sort(),
		);
		const deaths = [take(first, 1), take(second, 1)];
		await child.kill();
		for (const [death] of await Promise.all(deaths))
			expect(shown(death as PeerEvent)).toBe(`died receiver ${child.pid}`);
		const patience = performance.now() + 10_000;
		while (told.length < 3 && performance.now() < patience) await Bun.sleep(5);
		expect(told.slice(0, 2).sort()).toEqual([`joined receiver ${child.pid}`, `joined receiver ${here}`].sort());
		expect(told.slice(2)).toEqual([`died receiver ${child.pid}`]);
		other.close();
	}, 20_000);
});

test("a process that exits has left", async () => {
	const name = names.next();
	using receiver = Channel.receiver(name, { prefix });
	const events = receiver.peers();
	await using child = new Child("async.child.ts", ["exits while waiting", prefix, name, 100]);
	const all = await take(events, 4);
	expect(all.slice(0, 2).map(shown).sort()).toEqual([`joined receiver ${child.pid}`, `joined sender ${child.pid}`]);
	expect(all.slice(2).map(shown).sort()).toEqual([`left receiver ${child.pid}`, `left sender ${child.pid}`]);
});

test.each([false, true])(
	"a death that somebody else noticed first is a death, its place taken again: %p",
	async (taken) => {
		const name = names.next();
		using watcher = Channel.receiver(name, { prefix, capacity: 4096 });
		const events = watcher.peers();
		await using child = await holder("channel", "receiver", name);
		const [joined] = await take(events, 1);
		using sender = Channel.sender(name, { prefix });
		await take(events, 1);
		await child.kill();
		// The sender finds out when the ring is full; the event loop has no turn until then.
		while (sender.receiverCount === 2) {
			expect(sender.send(new Uint8Array(500), { timeout: 10_000 })).toBe(true);
			while (watcher.tryRecv());
		}
		using stack = new DisposableStack();
		if (taken) stack.use(Channel.receiver(name, { prefix }));
		const told = await take(events, taken ? 2 : 1);
		expect(told.map(shown).sort()).toEqual(
			[`died receiver ${child.pid}`, ...(taken ? [`joined receiver ${here}`] : [])].sort(),
		);
		expect(told.find(({ type }) => type === "died")?.id).toBe(joined?.id ?? -1);
	},
	20_000,
);

describe("what keeps a process alive", () => {
	test("a callback does not", async () => {
		await using child = new Child("peers.child.ts", ["callback", prefix, names.next()]);
		expect(await child.exited).toBe(0);
	}, 10_000);

	test("a callback is called while something else does", async () => {
		const name = names.next();
		await using child = new Child("peers.child.ts", ["callback, busy", prefix, name]);
		expect(await child.line()).toBe('"ready"');
		using receiver = Channel.receiver(name, { prefix });
		expect(shown(await child.report<PeerEvent>())).toBe(`joined receiver ${here}`);
		const sender = Channel.sender(name, { prefix });
		expect(shown(await child.report<PeerEvent>())).toBe(`joined sender ${here}`);
		sender.close();
		expect(shown(await child.report<PeerEvent>())).toBe(`left sender ${here}`);
		expect(await child.exited).toBe(0);
		expect(receiver.closed).toBe(false);
	}, 10_000);

	test("an iteration does", async () => {
		const name = names.next();
		await using child = new Child("peers.child.ts", ["iteration", prefix, name]);
		expect(await child.line()).toBe('"ready"');
		expect(await Promise.race([child.exited, Bun.sleep(300)])).toBeUndefined();
		const sender = Channel.sender(name, { prefix });
		expect(shown(await child.report<PeerEvent>())).toBe(`joined sender ${here}`);
		sender.close();
		expect(shown(await child.report<PeerEvent>())).toBe(`left sender ${here}`);
		expect(await child.exited).toBe(0);
	}, 10_000);
});

test("what a callback throws is an unhandled rejection", async () => {
	const name = names.next();
	using receiver = Channel.receiver(name, { prefix });
	await using child = new Child("peers.child.ts", ["throws", prefix, name]);
	expect(await child.line()).toBe('"Error: the callback failed"');
	expect(await child.exited).toBe(3);
	expect(receiver.closed).toBe(false);
}, 10_000);

test.each([null, 5, "callback", {}])("onPeer %p is refused", (onPeer) => {
	const options = { prefix, onPeer: onPeer as unknown as () => void };
	for (const factory of [Route, Channel, Queue])
		for (const open of [factory.sender, factory.receiver])
			expect(() => open("refused", options)).toThrow(
				expect.objectContaining({
					code: "ERR_IPC_INVALID_ARGUMENT",
					message: expect.stringContaining("onPeer must be a function"),
				}),
			);
});
