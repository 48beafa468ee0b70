import assert from "node:assert/strict";
import { createDecipheriv, createSecretKey, getCiphers, webcrypto } from "node:crypto";
import { inspect } from "node:util";
import { bytes, json, text } from "libipc/codecs";
import { type SealAlgorithm, type SealKey, sealed } from "libipc/codecs/sealed";
import { expectError } from "./expect_error.ts";
import { afterAll, describe, test } from "./harness.ts";
import { Names } from "./names.ts";
import { KEY_ID, PLAINTEXT, vectors } from "./sealed_vectors.ts";
import { startProgram } from "./start_program.ts";
import { Channel, type Codec, IpcError, Queue, Route } from "./under_test.ts";

const names = new Names("sealed");
const { prefix } = names;

afterAll(() => names.clear());

const KEY = Uint8Array.from({ length: 32 }, (_, i) => i + 1);
const OTHER = Uint8Array.from({ length: 32 }, (_, i) => 200 - i);
const one: SealKey = { id: 1, key: KEY };
const two: SealKey = { id: 2, key: OTHER };

const NOT_OPENED = /not sealed for this receiver, or changed/;
const REPEATED = /repeated, or out of order/;

const hasChaCha = process.versions.bun === undefined;
const algorithms = (Object.keys(vectors) as SealAlgorithm[]).filter((each) => hasChaCha || each === "aes-256-gcm");

/** What a codec writes, in memory of its own. */
const seal = <Value>(codec: Codec<Value>, value: Value): Uint8Array =>
	new Uint8Array(codec.encode?.(value) as Uint8Array);

/** What a call throws. */
function thrown(call: () => unknown): unknown {
	try {
		call();
	} catch (error) {
		return error;
	}
	return assert.fail("nothing was thrown");
}

const fromHex = (digits: string): Uint8Array => new Uint8Array(Buffer.from(digits, "hex"));

describe("the envelope of sealed messages", () => {
	test.each(algorithms)("%s: what another program has sealed opens", (algorithm) => {
		const keys: SealKey[] = [{ id: KEY_ID, key: KEY, algorithm }];
		const expected: unknown = JSON.parse(PLAINTEXT);
		const { none, context, channel, empty } = vectors[algorithm];
		assert.deepEqual(sealed(json(), keys, { context: null }).decode(fromHex(none)), expected);
		assert.deepEqual(sealed(json(), keys, { context: "jobs" }).decode(fromHex(context)), expected);
		const at = { kind: "channel", prefix: "shop", name: "orders", role: "receiver" } as const;
		assert.deepEqual(sealed(json(), keys).forEndpoint?.(at).decode(fromHex(channel)), expected);
		const nine = sealed(bytes(), { id: 9, key: KEY, algorithm }, { context: null });
		assert.deepEqual(nine.decode(fromHex(empty)), new Uint8Array(0));
		for (const [codec, message] of [
			[sealed(json(), keys, { context: null }), context],
			[sealed(json(), keys, { context: null }), channel],
			[sealed(json(), keys, { context: "job" }), context],
			[sealed(json(), keys), context],
			[sealed(json(), keys).forEndpoint?.({ ...at, name: "order" }), channel],
			[sealed(json(), keys).forEndpoint?.({ ...at, prefix: "" }), channel],
			[sealed(json(), keys).forEndpoint?.({ ...at, kind: "route" }), channel],
		] as const)
			assert.throws(() => codec?.decode(fromHex(message)), NOT_OPENED);
	});

	test("has the documented bytes, and another implementation opens it", async () => {
		for (const algorithm of algorithms) {
			const codec = sealed(text(), { id: KEY_ID, key: KEY, algorithm }, { context: null });
			const [first, second] = [seal(codec, PLAINTEXT), seal(codec, PLAINTEXT)];
			const model = fromHex(vectors[algorithm].none);
			assert.equal(first.length, model.length);
			assert.deepEqual(first.slice(0, 19), model.slice(0, 19));
			// The stream is the same, the number is the next one.
			assert.deepEqual(second.slice(19, 27), first.slice(19, 27));
			assert.deepEqual([...first.slice(27, 31), ...second.slice(27, 31)], [0, 0, 0, 0, 1, 0, 0, 0]);
			const iv = second.slice(19, 31);
			if (algorithm === "aes-256-gcm") {
				const key = await webcrypto.subtle.importKey("raw", KEY, "AES-GCM", false, ["decrypt"]);
				const opened = await webcrypto.subtle.decrypt({ name: "AES-GCM", iv }, key, second.slice(31));
				assert.equal(Buffer.from(opened).toString(), PLAINTEXT);
			} else {
				const decipher = createDecipheriv(algorithm, KEY, iv, { authTagLength: 16 });
				decipher.setAuthTag(second.slice(-16));
				assert.equal(decipher.update(second.slice(31, -16)).toString() + decipher.final().toString(), PLAINTEXT);
			}
		}
	});

	test.each(algorithms)("%s: a change of any byte, any cut and any addition is refused", (algorithm) => {
		const keys: SealKey[] = [
			{ id: 1, key: KEY, algorithm },
			{ id: 0, key: OTHER, algorithm },
		];
		const codec = sealed(text(), keys);
		const message = seal(codec, "a message");
		for (let at = 0; at < message.length; at++)
			for (const flip of [1, 2, 3, 0x80, 0xff]) {
				const changed = message.slice();
				changed[at] = (changed[at] as number) ^ flip;
				assert.throws(() => codec.decode(changed), NOT_OPENED, `byte ${at}, ${flip}`);
			}
		for (let length = 0; length < message.length; length++) {
			assert.throws(() => codec.decode(message.slice(0, length)), NOT_OPENED, `${length} bytes`);
			assert.throws(() => codec.decode(message.slice(length + 1)), NOT_OPENED, `without ${length + 1} bytes`);
		}
		for (const more of [1, 16, 4096])
			assert.throws(() => codec.decode(Uint8Array.from([...message, ...new Uint8Array(more)])), NOT_OPENED);
		// None of these has had an effect.
		assert.equal(codec.decode(message), "a message");
		assert.throws(() => codec.decode(message), REPEATED);
	});

	test("a message is not opened by another key, under another id, or by another algorithm", () => {
		const message = seal(sealed(text(), one), "a message");
		for (const keys of [two, { id: 1, key: OTHER }, { id: 2, key: KEY }])
			assert.throws(() => sealed(text(), keys).decode(message), NOT_OPENED);
		if (hasChaCha) {
			const key: SealKey = { id: 1, key: KEY, algorithm: "chacha20-poly1305" };
			assert.throws(() => sealed(text(), key).decode(message), NOT_OPENED);
			const relabelled = message.slice();
			relabelled[5] = 2;
			assert.throws(() => sealed(text(), key).decode(relabelled), NOT_OPENED);
		}
		assert.equal(sealed(text(), [two, one]).decode(message), "a message");
	});
});

describe("the keys of sealed messages", () => {
	test("are copied, may be KeyObjects, and are shown nowhere", () => {
		const own = KEY.slice();
		const codec = sealed(text(), { id: 7, key: own });
		own.fill(0);
		const reader = sealed(text(), [{ id: 7, key: createSecretKey(KEY) }, two]);
		assert.equal(reader.decode(seal(codec, "a message")), "a message");
		const shown = inspect([codec, reader], { depth: 20, showHidden: true });
		assert.doesNotMatch(shown, /0?1, 0?2, 0?3|01 02 03|010203/);
	});

	test("that are wrong are refused, without a byte of them in the text", () => {
		const key = Uint8Array.from({ length: 31 }, () => 0xa7);
		for (const [keys, what] of [
			[{ id: 1, key }, /it has 31 bytes/],
			[{ id: 1, key: createSecretKey(key) }, /it has 31 bytes/],
			[{ id: 1, key: new Uint8Array(32) }, /all of its bytes are 0/],
			[{ id: 1, key: "a7".repeat(16) }, /its type was string/],
			[{ id: 1 }, /its type was undefined/],
			[KEY, /must be an object with a number and bytes/],
			[{ id: 1, key: 0xa7a7a7n }, /its type was bigint/],
			[{ id: "a7".repeat(16), key: 1 }, /not of type string/],
			[{ id: -1, key: KEY }, /from 0 to 4294967295/],
			[{ id: 2 ** 32, key: KEY }, /from 0 to 4294967295/],
			[{ id: 1.5, key: KEY }, /from 0 to 4294967295/],
			[{ id: 1, key: KEY, algorithm: "aes-128-gcm" }, /"aes-256-gcm" or "chacha20-poly1305"/],
			[{ id: 1, key: KEY, algorithm: "toString" }, /"aes-256-gcm" or "chacha20-poly1305"/],
			[[], /1 to 64 keys/],
			[[one, { id: 1, key: OTHER }], /Two keys have the id 1/],
			[[one, { id: 2, key: KEY }], /keys 1 and 2 are the same bytes/],
		] as const) {
			expectError("ERR_IPC_INVALID_ARGUMENT", what, () => sealed(text(), keys as SealKey));
			assert.doesNotMatch(String((thrown(() => sealed(text(), keys as SealKey)) as Error).stack), /a7a7|167/);
		}
		expectError("ERR_IPC_INVALID_ARGUMENT", /at most 56 characters/, () =>
			sealed({ id: "x".repeat(57), encode: () => "", decode: () => 1 }, one),
		);
		expectError("ERR_IPC_INVALID_ARGUMENT", /context must be a text/, () => sealed(text(), one, { context: "" }));
	});

	test("for ChaCha20-Poly1305 are refused where the runtime does not have it", () => {
		assert.equal(getCiphers().includes("chacha20-poly1305"), hasChaCha);
		const make = () => sealed(text(), { id: 1, key: KEY, algorithm: "chacha20-poly1305" });
		if (hasChaCha) assert.equal(make().id, "sealed:text");
		else expectError("ERR_IPC_INVALID_ARGUMENT", /of this runtime \(Bun .*\) has no chacha20-poly1305/, make);
	});
});

describe("sealed messages", () => {
	test("arrive in each kind and each way, and their plaintext is not in the ring", async () => {
		const secret = "a secret that is long enough";
		for (const [kind, factory] of [
			["channel", Channel],
			["route", Route as typeof Channel],
			["queue", Queue as typeof Channel],
		] as const) {
			const name = names.next();
			const options = { prefix, codec: sealed(text(), one) };
			using receiver = factory.receiver(name, options);
			using sender = factory.sender(name, options);
			const large = `${secret}${"x".repeat(100_000)}`;
			sender.send(secret);
			await sender.sendAsync(secret);
			sender.sendBatch([secret, secret]);
			assert.deepEqual(
				[receiver.recv(), await receiver.recvAsync(), receiver.tryRecv()],
				[secret, secret, secret],
				kind,
			);
			receiver.drain((value) => assert.equal(value, secret));
			sender.send(large, { timeout: 10_000 });
			assert.equal(receiver.recv({ timeout: 10_000 }), large);
			sender.send(secret);
			let seen = 0;
			receiver.bytes.drain((view) => {
				// The whole memory of the name, as far as this engine shows it.
				const memory = Buffer.from(view.buffer, view.byteOffset, view.byteLength);
				assert.equal(memory.length, secret.length + 47);
				assert.equal(Buffer.from(view.buffer).includes(secret), false);
				seen++;
			});
			assert.equal(seen, 1, kind);
		}
	});

	test("arrive at every receiver of one program, and at its clones", () => {
		const name = names.next();
		const codec = sealed(json<number>(), one);
		using first = Channel.receiver(name, { prefix, codec });
		using second = Channel.receiver(name, { prefix, codec });
		using third = second.clone();
		using sender = Channel.sender(name, { prefix, codec });
		using other = sender.clone();
		for (let i = 0; i < 3; i++) for (const each of [sender, other]) each.send(i);
		for (const receiver of [first, second, third])
			assert.deepEqual(
				Array.from({ length: 6 }, () => receiver.tryRecv()),
				[0, 0, 1, 1, 2, 2],
			);
	});

	test("that are sent while one waits for space arrive, too", async () => {
		const name = names.next();
		const codec = sealed(bytes(), one);
		using receiver = Channel.receiver(name, { prefix, codec, capacity: 16_384 });
		using sender = Channel.sender(name, { prefix, codec });
		let filled = 0;
		while (sender.trySend(new Uint8Array(1000))) filled++;
		const waiting = [sender.sendAsync(new Uint8Array(1000).fill(1)), sender.sendAsync(new Uint8Array([2]))];
		while (receiver.tryRecv()?.length === 1000) filled--;
		assert.equal(filled, 0);
		// The event loop has not run: this one overtakes those that wait.
		assert.equal(sender.trySend(new Uint8Array([3])), true);
		assert.deepEqual(await Promise.all(waiting), [true, true]);
		const left = [1, 2, 3].map(() => receiver.recv({ timeout: 10_000 })?.[0]);
		assert.deepEqual(left.sort(), [1, 2, 3]);
	});

	test("that were changed, repeated, exchanged or taken from another name are refused, and reading goes on", () => {
		const [name, elsewhere] = [names.next(), names.next()];
		const codec = sealed(text(), one);
		using receiver = Channel.receiver(name, { prefix, codec });
		using sender = Channel.sender(name, { prefix, codec });
		using attacker = Channel.sender(name, { prefix });
		using observer = Channel.receiver(name, { prefix });
		using otherSender = Channel.sender(elsewhere, { prefix, codec });
		using otherObserver = Channel.receiver(elsewhere, { prefix });
		const record = (value: string): Uint8Array => {
			while (observer.tryRecv());
			sender.send(value);
			return observer.tryRecv() ?? assert.fail();
		};
		const refused = (message: Uint8Array, what: RegExp): void => {
			attacker.send(message);
			expectError("ERR_IPC_INVALID_MESSAGE", what, () => receiver.recv());
		};
		const [first, second, third] = [record("one"), record("two"), record("three")];
		assert.deepEqual([receiver.recv(), receiver.recv(), receiver.recv()], ["one", "two", "three"]);
		for (const each of [first, second, third]) refused(each, REPEATED);
		const changed = record("four");
		assert.equal(receiver.recv(), "four");
		changed[40] = (changed[40] as number) ^ 1;
		refused(changed, NOT_OPENED);
		otherSender.send("five");
		refused(otherObserver.tryRecv() ?? assert.fail(), NOT_OPENED);
		refused(new Uint8Array(0), NOT_OPENED);
		sender.send("six");
		assert.equal(receiver.recv(), "six");

		// A receiver that has not seen the messages gets the later one first, and then refuses the earlier one.
		using late = Channel.receiver(name, { prefix, codec });
		attacker.sendBatch([second, first, third]);
		assert.equal(late.recv(), "two");
		expectError("ERR_IPC_INVALID_MESSAGE", REPEATED, () => late.recv());
		assert.equal(late.recv(), "three");
	});

	test("of a queue may come again, and move to another name with their context", () => {
		const name = names.next();
		const codec = sealed(text(), one, { context: "jobs" });
		const options = { prefix, codec };
		using sender = Queue.sender(name, options);
		using receiver = Queue.receiver(name, { ...options, maxAttempts: 2, deadLetter: `${name}.dead` });
		using dead = Queue.receiver(`${name}.dead`, options);
		using unbound = Queue.receiver(`${name}.dead`, { prefix });
		sender.send("a job");
		for (let attempt = 1; attempt <= 2; attempt++) {
			const lease = receiver.take({ timeout: 10_000 });
			assert.deepEqual([lease?.value, lease?.attempt], ["a job", attempt]);
			lease?.retry();
		}
		assert.equal(receiver.tryTake(), null);
		assert.equal(unbound.closed, false);
		assert.equal(dead.recv({ timeout: 10_000 }), "a job");
	});

	test("are copied before they are opened, so that nobody can change them meanwhile", () => {
		const name = names.next();
		const codec = sealed(bytes(), one);
		const opened: ArrayBufferLike[] = [];
		const watched: typeof codec = {
			...codec,
			forEndpoint(endpoint) {
				const own = codec.forEndpoint?.(endpoint) ?? codec;
				const decode = (message: Uint8Array): Uint8Array => {
					opened.push(message.buffer);
					return own.decode(message);
				};
				return { ...own, decode };
			},
		};
		using receiver = Channel.receiver(name, { prefix, codec: watched });
		using sender = Channel.sender(name, { prefix, codec });
		const message = new Uint8Array(20_000).fill(7);
		const inRing: ArrayBufferLike[] = [];
		for (let way = 0; way < 3; way++) {
			sender.send(message);
			if (way === 0) assert.deepEqual(receiver.recv(), message);
			else if (way === 1) receiver.drain((value) => assert.deepEqual(value, message));
			else receiver.bytes.drain((view) => inRing.push(view.buffer));
		}
		assert.equal(opened.length, 2);
		assert.equal(inRing.length, 1);
		for (const buffer of opened) assert.equal(inRing.includes(buffer), false);
	});

	test("need a codec whose forEndpoint returns a codec with the same id", () => {
		const name = names.next();
		for (const [forEndpoint, what] of [
			[5, /forEndpoint that is not a function/],
			[() => text(), /another id from forEndpoint: "text"/],
			[() => 5, /codec must be an object/],
		] as const) {
			const codec = { ...json(), forEndpoint } as unknown as Codec<string>;
			expectError("ERR_IPC_INVALID_ARGUMENT", what, () => Channel.receiver(name, { prefix, codec }));
		}
	});

	test("say nothing of their content in errors", () => {
		const name = names.next();
		const key = one;
		using receiver = Channel.receiver(name, { prefix, codec: sealed(json(), key) });
		using sender = Channel.sender(name, { prefix });
		const at = { kind: "channel", prefix, name, role: "sender" } as const;
		const same: Codec<string> = { ...text(), id: "json" };
		sender.send(seal(sealed(same, key).forEndpoint?.(at) ?? assert.fail(), "my secret"));
		const error = thrown(() => receiver.recv());
		assert.ok(error instanceof IpcError);
		assert.equal(error.code, "ERR_IPC_INVALID_MESSAGE");
		assert.match(error.message, /opened, but not what the codec reads/);
		assert.doesNotMatch(inspect(error, { depth: 20 }), /secret/);
	});

	test("of another process are opened here; a key is replaced while both run", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix, codec: sealed(json<{ number: number }>(), [two, one]) });
		await using program = startProgram("seal", [prefix, name, 20]);
		const numbers = Array.from({ length: 20 }, () => receiver.recv({ timeout: 10_000 })?.number);
		assert.deepEqual(
			numbers,
			Array.from({ length: 20 }, (_, i) => i),
		);
		using newer = Channel.sender(name, { prefix, codec: sealed(json<{ number: number }>(), [two]) });
		newer.send({ number: 21 });
		assert.equal(receiver.recv({ timeout: 10_000 })?.number, 21);
		assert.equal(await program.exited, 0);
	});
});
