import type { EndpointFactory } from "libipc";
import type { ReceivingEnd, SendingEnd } from "./thread_transport.ts";

/** Longer than any round: a message that has not come by then is lost, and the benchmark fails. */
const LOSS_TIMEOUT = { timeout: 20_000 } as const;

/**
 * The package with the measured engine. In Bun `libipc` has the native engine and `@libipc/compat` the one on
 * SharedArrayBuffer. In Node both are the same package, and `LIBIPC_ENGINE` chooses.
 */
async function importEngine(engine: "sab" | "native"): Promise<{ Route: EndpointFactory; Channel: EndpointFactory }> {
	return engine === "native" ? await import("libipc") : await import("@libipc/compat");
}

export interface EndpointPlace {
	readonly kind: "route" | "channel";
	readonly prefix: string;
	readonly capacity: number;
}

export async function openSender(engine: "sab" | "native", place: EndpointPlace): Promise<SendingEnd> {
	const { kind, prefix, capacity } = place;
	const { Route, Channel } = await importEngine(engine);
	const sender = (kind === "route" ? Route : Channel).sender("bench", { prefix, capacity });
	return {
		send(message) {
			if (!sender.send(message, LOSS_TIMEOUT)) throw new Error("a message could not be sent");
		},
		close: () => sender.close(),
	};
}

export async function openReceiver(engine: "sab" | "native", place: EndpointPlace): Promise<ReceivingEnd> {
	const { kind, prefix, capacity } = place;
	const { Route, Channel } = await importEngine(engine);
	const receiver = (kind === "route" ? Route : Channel).receiver("bench", { prefix, capacity });
	return {
		receive(count, target, take) {
			for (let i = 0; i < count; i++) {
				const length = receiver.recvInto(target, LOSS_TIMEOUT);
				if (length < 0) throw new Error(`message ${i} of ${count} did not come`);
				take(length);
			}
		},
		close: () => receiver.close(),
	};
}
