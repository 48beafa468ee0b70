/**
 * What sealing costs: a message that is sent and received in one process, as bytes of a codec and sealed. Both are measured in turns.
 *
 *   bun run bench:sealed     (or node packages/bench/src/sealed.ts, from Node 24 on)
 */
import { randomBytes } from "node:crypto";
import { Channel, type Codec, list } from "libipc";
import { bytes } from "libipc/codecs";
import { type SealAlgorithm, sealed } from "libipc/codecs/sealed";
import { commandLine } from "../../../scripts/lib/command_line.ts";
import { table } from "../../../scripts/lib/table.ts";
import { describeMachine, machine } from "./command/machine.ts";
import { EXIT_STATUS, runCommand } from "./command/run_command.ts";
import { median } from "./statistics/statistics.ts";

const SIZES = [16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576];
const ROUNDS = 9;
/** About so many bytes are sealed in a round, in 50 to 20,000 messages. */
const BYTES = 16 << 20;

commandLine({
	name: "bun run bench:sealed",
	help: { description: `Measures sealed messages of 16 B to 1 MiB. It takes about 10 seconds.\n\n${EXIT_STATUS}` },
});

const prefix = `sealed${process.pid}`;

/** A codec for this algorithm; `undefined`: the runtime does not have it. */
function codecOf(algorithm: SealAlgorithm): Codec<Uint8Array> | undefined {
	try {
		return sealed(bytes(), { id: 1, key: randomBytes(32), algorithm });
	} catch {
		return undefined;
	}
}

/** Sends and receives with a codec: the time for a message in µs. */
class Pair implements Disposable {
	readonly #sender;
	readonly #receiver;

	constructor(codec: Codec<Uint8Array>, name: string) {
		const options = { prefix, codec, capacity: 4 << 20 };
		this.#receiver = Channel.receiver(name, options);
		this.#sender = Channel.sender(name, options);
	}

	measure(message: Uint8Array, count: number): number {
		const begin = performance.now();
		for (let i = 0; i < count; i++) {
			if (!this.#sender.trySend(message)) throw new Error("the ring is full");
			if (this.#receiver.tryRecv()?.length !== message.length) throw new Error("another message was received");
		}
		return ((performance.now() - begin) / count) * 1000;
	}

	[Symbol.dispose](): void {
		this.#sender.close();
		this.#receiver.close();
	}
}

await runCommand(async (signal) => {
	console.log(`${describeMachine(machine())}\n`);
	try {
		const codecs = {
			bytes: bytes(),
			"aes-256-gcm": codecOf("aes-256-gcm"),
			"chacha20-poly1305": codecOf("chacha20-poly1305"),
		};
		using stack = new DisposableStack();
		const pairs = Object.entries(codecs).flatMap(([name, codec]) =>
			codec ? [{ name, pair: stack.use(new Pair(codec, name)) }] : [],
		);
		const rows = SIZES.map((size) => {
			const message = new Uint8Array(randomBytes(size));
			const count = Math.max(50, Math.min(20_000, Math.floor(BYTES / size)));
			const times = pairs.map((): number[] => []);
			for (let round = -1; round < ROUNDS; round++)
				for (const [i, { pair }] of pairs.entries()) {
					signal.throwIfAborted();
					const time = pair.measure(message, count);
					if (round >= 0) times[i]?.push(time);
				}
			return [size, ...times.map((each) => Number(median(each).toFixed(2)))];
		});
		console.log(table(["bytes", ...pairs.map(({ name }) => `${name} µs`)], rows));
		if (!codecs["chacha20-poly1305"]) console.log("\nThis runtime has no ChaCha20-Poly1305.");
	} finally {
		for (const { name } of list({ prefix })) Channel.clear(name, { prefix });
	}
	return 0;
});
