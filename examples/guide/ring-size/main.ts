/** How large a ring must be for a burst, and how full it is: `bun examples/guide/ring-size/main.ts`. */
import { list, Route } from "libipc";

const prefix = `guide-${process.pid}`;

/** What a message takes in the ring: a header of 8 bytes, the message, and what is missing to a multiple of 8. */
const recordBytes = (messageBytes: number): number => Math.ceil((8 + messageBytes) / 8) * 8;

/** The smallest `capacity` that holds so many messages of this length that no receiver has read yet. */
function capacityFor(messages: number, messageBytes: number): number {
	const needed = Math.max(4096, messages * recordBytes(messageBytes), 2 * recordBytes(messageBytes));
	return 2 ** Math.ceil(Math.log2(needed));
}

// A burst of 10,000 messages of 100 bytes, while the receiver is busy. In a program, the two are two processes.
const burst = 10_000;
const message = new Uint8Array(100);

function send(capacity: number): void {
	using prices = Route.sender("prices", { prefix, capacity });
	using _receiver = Route.receiver("prices", { prefix });
	let sent = 0;
	while (sent < burst && prices.trySend(message)) sent++;
	const [name] = list({ prefix });
	const lag = Math.max(...(name?.endpoints.map((endpoint) => endpoint.lag) ?? []));
	console.log(
		`capacity ${capacity}: ${sent} sent, ${Math.floor((100 * lag) / capacity)} % full, ${prices.refusal ?? "all sent"}`,
	);
}

console.log(`a message of 100 bytes takes ${recordBytes(100)}`);
send(2 ** 20); // the default
send(capacityFor(burst, message.byteLength));
