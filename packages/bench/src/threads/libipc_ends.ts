import type { EndpointFactory } from "@libipc/core/api";
import type { ReceivingEnd, SendingEnd } from "./transport.ts";

/** Longer than any round: a message that has not come by then is lost, and the benchmark fails. */
const PATIENCE = { timeout: 20_000 } as const;

/** The package whose default engine in this runtime, or in Node by `LIBIPC_ENGINE`, is the one that is measured. */
export async function libipc(engine: "sab" | "native"): Promise<{ Route: EndpointFactory; Channel: EndpointFactory }> {
	return engine === "native" && process.versions.bun ? await import("@libipc/core") : await import("@libipc/compat");
}

export interface Place {
	readonly kind: "route" | "channel";
	readonly prefix: string;
	readonly capacity: number;
}

export async function openSender(engine: "sab" | "native", { kind, ...options }: Place): Promise<SendingEnd> {
	const { Route, Channel } = await libipc(engine);
	const sender = (kind === "route" ? Route : Channel).sender("bench", options);
	return {
		send(message) {
			if (!sender.send(message, PATIENCE)) throw new Error("a message could not be sent");
		},
		close: () => sender.close(),
	};
}

export async function openReceiver(engine: "sab" | "native", { kind, ...options }: Place): Promise<ReceivingEnd> {
	const { Route, Channel } = await libipc(engine);
	const receiver = (kind === "route" ? Route : Channel).receiver("bench", options);
	return {
		receive(count, target, take) {
			for (let i = 0; i < count; i++) {
				const length = receiver.recvInto(target, PATIENCE);
				if (length < 0) throw new Error(`message ${i} of ${count} did not come`);
				take(length);
			}
		},
		close: () => receiver.close(),
	};
}
