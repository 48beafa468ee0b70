/** Tills seal payments for a bank, and a spy has no key: `bun examples/guide/sealed-messages/main.ts`. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { Channel } from "libipc";
import { json } from "libipc/codecs";
import { type SealKey, sealed } from "libipc/codecs/sealed";

const [role = "bank", prefix = `guide-${process.pid}`, id = "1"] = process.argv.slice(2);

interface Payment {
	readonly order: number;
	readonly card: string;
}

const payments = (...keys: SealKey[]) => ({ prefix, codec: sealed(json<Payment>(), keys) });

async function sell(): Promise<void> {
	// A key comes through a pipe: other programs can see arguments, and children inherit the environment.
	const chunks: Uint8Array[] = [];
	for await (const chunk of process.stdin) chunks.push(chunk as Uint8Array);
	const key = Buffer.concat(chunks);
	using sender = Channel.sender("payments", payments({ id: Number(id), key }));
	key.fill(0);
	for (const order of [1, 2]) sender.send({ order: Number(id) * 10 + order, card: "4111 1111" });
}

async function runTill({ id, key }: SealKey): Promise<void> {
	const till = spawn(process.execPath, [...process.execArgv, import.meta.filename, "till", prefix, String(id)], {
		stdio: ["pipe", "inherit", "inherit"],
	});
	till.stdin?.end(key);
	const [code] = await once(till, "exit");
	if (code !== 0) throw new Error(`the till ended with ${code}`);
}

async function receive(): Promise<void> {
	const old: SealKey = { id: 1, key: randomBytes(32) };
	const current: SealKey = { id: 2, key: randomBytes(32) };
	let refused = 0;
	// Receivers know the new key before the first sender uses it.
	using receiver = Channel.receiver("payments", { ...payments(current, old), onInvalid: () => refused++ });
	using spy = Channel.receiver("payments", { prefix });
	using forger = Channel.sender("payments", { prefix });
	await runTill(old);
	await runTill(current);
	for (let i = 0; i < 4; i++) console.log(`order ${receiver.recv()?.order}`);

	const seen = Array.from({ length: 4 }, () => spy.recv() ?? new Uint8Array());
	console.log(`the spy reads a card: ${seen.some((message) => Buffer.from(message).includes("4111"))}`);
	for (const message of seen) {
		forger.send(message); // repeated
		message[40] = (message[40] ?? 0) ^ 1;
		forger.send(message); // changed
	}
	forger.send('{"order":9,"card":"0000"}'); // made without a key
	console.log(`after repeated, changed and forged messages: ${receiver.tryRecv()}; refused: ${refused}`);
}

await (role === "till" ? sell() : receive());
