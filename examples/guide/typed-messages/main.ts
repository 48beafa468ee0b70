/** Orders as values, between two processes: `bun examples/guide/typed-messages/main.ts`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Channel, defineChannel, IpcError } from "libipc";
import { json, text } from "libipc/codecs";
import { z } from "zod";

const [role = "kitchen", prefix = `guide-${process.pid}`] = process.argv.slice(2);

/** In a larger program, this is a module that both sides import. */
const orders = defineChannel("orders", {
	prefix,
	codec: json(),
	schema: z.object({
		id: z.number(),
		item: z.string(),
		// A transform: text is sent, and a Date is received.
		ordered: z.string().transform((at) => new Date(at)),
	}),
	capacity: 65_536,
});

function order(): void {
	using sender = orders.sender();
	sender.send({ id: 1, item: "espresso", ordered: "2026-01-01T08:15:00Z" });
	// What a program with a mistake, or without a codec, could send.
	sender.bytes.send('{"id":"two","item":"tea","ordered":"2026-01-01T08:20:00Z"}');
	sender.bytes.send("tea, please");
	sender.send({ id: 3, item: "water", ordered: "2026-01-01T09:05:00Z" });
}

async function cook(): Promise<void> {
	using receiver = orders.receiver({
		// Without it, the loop would end with the error.
		onInvalid: ({ issues, cause }) =>
			console.log(`refused: ${issues ? `${issues[0]?.path?.join(".")} is wrong` : (cause as Error).name}`),
	});
	try {
		// Another codec under the same name is a mistake.
		using other = Channel.sender("orders", { prefix, codec: text() });
		other.send("tea");
	} catch (error) {
		if (error instanceof IpcError) console.log(error.code);
	}
	const customer = spawn(process.execPath, [...process.execArgv, import.meta.filename, "customer", prefix], {
		stdio: "inherit",
	});
	for await (const { id, item, ordered } of receiver) {
		console.log(`order ${id}: ${item}, at minute ${ordered.getUTCMinutes()}`);
		if (id === 3) break;
	}
	await once(customer, "exit");
}

if (role === "customer") order();
else await cook();
