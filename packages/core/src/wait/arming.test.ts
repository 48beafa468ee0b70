/** The event loop's side of waiting: a fake engine decides at which moment each thing happens. */
import { afterAll, describe, expect, test } from "bun:test";
import { type Engine, type EngineReceiver, Status } from "@libipc/protocol";
import { Names } from "@libipc/testing/names";
import { text } from "@libipc/testing/text";
import { nativeEngine } from "../bun/engine.ts";
import { createChannelFactory } from "../endpoint/factory.ts";
import * as library from "../index.ts";
import { Channel } from "../index.ts";

const names = new Names("arming", library);
const { prefix } = names;

afterAll(() => names.clear());

/** An end that is lost never comes here: the polls of these endpoints find nothing. */
async function ends<Value>(promise: Promise<Value>): Promise<Value | "never"> {
	return await Promise.race([promise, Bun.sleep(20_000).then(() => "never" as const)]);
}

describe("what happens between the look and the arming is not missed", () => {
	/** Channels whose endpoints do something when they are about to be armed, once. */
	function armed() {
		const moment = { happens: () => {} };
		const watched = <SomeEndpoint extends Pick<EngineReceiver, "arm" | "poll">>(
			endpoint: SomeEndpoint,
		): SomeEndpoint => {
			const arm = endpoint.arm.bind(endpoint);
			endpoint.arm = (wait, waker) => {
				const { happens } = moment;
				moment.happens = () => {};
				happens();
				arm(wait, waker);
			};
			endpoint.poll = () => false;
			return endpoint;
		};
		const factory = createChannelFactory(() => ({
			...nativeEngine,
			openReceiver: (...args) => watched(nativeEngine.openReceiver(...args)),
			openSender: (...args) => watched(nativeEngine.openSender(...args)),
		}));
		return { factory, moment };
	}

	test("a message", async () => {
		const name = names.next();
		const { factory, moment } = armed();
		using receiver = factory.receiver(name, { prefix });
		using sender = Channel.sender(name, { prefix });
		moment.happens = () => sender.send("in between");
		expect(text((await ends(receiver.recvAsync())) as Uint8Array)).toBe("in between");
	});

	test("room", async () => {
		const name = names.next();
		const { factory, moment } = armed();
		using receiver = Channel.receiver(name, { prefix, capacity: 4096 });
		using sender = factory.sender(name, { prefix });
		while (sender.trySend("filler"));
		moment.happens = () => {
			while (receiver.tryRecv());
		};
		expect(await ends(sender.sendAsync("waited"))).toBe(true);
		expect(text(receiver.tryRecv())).toBe("waited");
	});

	test("a peer", async () => {
		const name = names.next();
		const { factory, moment } = armed();
		using sender = factory.sender(name, { prefix });
		using stack = new DisposableStack();
		moment.happens = () => stack.use(Channel.receiver(name, { prefix }));
		expect(await ends(sender.receiversReady(1))).toBe(true);
		const events = sender.peers();
		expect(await ends(events.next())).toMatchObject({ value: { type: "joined" } });
		const next = events.next();
		stack.dispose();
		expect(await ends(next)).toMatchObject({ value: { type: "left" } });
	});
});

describe("an arming that was forgotten", () => {
	/** Channels whose endpoints forget what they are armed for the first time, without noticing. */
	function forgetful() {
		const polls = { findSomething: true };
		const forgetting = <SomeEndpoint extends Pick<EngineReceiver, "arm" | "armed" | "poll">>(
			endpoint: SomeEndpoint,
		) => {
			const arm = endpoint.arm.bind(endpoint);
			const armed = endpoint.armed.bind(endpoint);
			const poll = endpoint.poll.bind(endpoint);
			let forgotten = 0;
			endpoint.arm = (wait, waker) => {
				if (forgotten === 0) forgotten = wait;
				else {
					forgotten = -1;
					arm(wait, waker);
				}
			};
			endpoint.armed = () => (forgotten > 0 ? forgotten : armed());
			endpoint.poll = (wait, waker) => polls.findSomething && poll(wait, waker);
			return endpoint;
		};
		// Without the signal to itself, by which a new event loop tries once more without being armed.
		const openWaker: Engine["openWaker"] = (signalled) =>
			Object.defineProperty(nativeEngine.openWaker(signalled), "signalItself", { value: undefined });
		const factory = createChannelFactory(() => ({
			...nativeEngine,
			openReceiver: (...args) => forgetting(nativeEngine.openReceiver(...args)),
			openSender: (...args) => forgetting(nativeEngine.openSender(...args)),
			openWaker,
		}));
		return { factory, polls };
	}

	test("is made good by the next poll, for messages", async () => {
		const name = names.next();
		const { factory, polls } = forgetful();
		using receiver = factory.receiver(name, { prefix });
		using sender = Channel.sender(name, { prefix });
		const waits = [receiver.recvAsync(), receiver.recvAsync()] as const;
		sender.send("found late");
		expect(text(await waits[0])).toBe("found late");
		polls.findSomething = false;
		sender.send("heard");
		expect(text((await ends(waits[1])) as Uint8Array)).toBe("heard");
	}, 300_000);

	test("is made good by the next poll, for peers", async () => {
		const name = names.next();
		const { factory, polls } = forgetful();
		using sender = factory.sender(name, { prefix });
		const waits = [sender.receiversReady(1), sender.receiversReady(2)] as const;
		using first = Channel.receiver(name, { prefix });
		expect(await waits[0]).toBe(true);
		polls.findSomething = false;
		using second = Channel.receiver(name, { prefix });
		expect(await ends(waits[1])).toBe(true);
		expect([first.closed, second.closed]).toEqual([false, false]);
	}, 300_000);
});

test.each(["drain", "drainBatch"] as const)("%s waits its time out when what it saw has been overwritten", (how) => {
	const name = names.next();
	const factory = createChannelFactory(() => ({
		...nativeEngine,
		openReceiver(...args) {
			const receiver = nativeEngine.openReceiver(...args);
			// As if something had been there when it looked, each time more than the receiver has memory for.
			let length = 5000;
			receiver.peek = (spans) => {
				spans[0] = length++;
				return Status.notInPlace;
			};
			return receiver;
		},
	}));
	using receiver = factory.receiver(name, { prefix, overflow: "drop-oldest" });
	const started = performance.now();
	expect(receiver[how](() => {}, { timeout: 50 })).toBe(0);
	expect(performance.now() - started).toBeGreaterThanOrEqual(48);
	expect(receiver[how](() => {}, { timeout: 0 })).toBe(0);
});
