import { BroadcastChannel, type MessagePort } from "node:worker_threads";
import type { ReceivingEnd, SendingEnd } from "./thread_transport.ts";

/** Structured clone copies the whole buffer behind a view: a message needs its own buffer. */
interface Posting {
	postMessage(message: Uint8Array): void;
}

/** One port for each receiver. */
export function portSender(ports: readonly MessagePort[]): SendingEnd {
	return {
		send(message) {
			const own = message.slice();
			for (const port of ports as readonly Posting[]) port.postMessage(own);
		},
		close: () => {
			for (const port of ports) port.close();
		},
	};
}

/** Collects messages that come as events. Those of the next round may come before that round starts here. */
class Collector {
	readonly #early: Uint8Array[] = [];
	#take: ((message: Uint8Array) => void) | undefined;

	readonly push = (message: Uint8Array): void => {
		if (this.#take) this.#take(message);
		else this.#early.push(message);
	};

	receive(count: number, target: Uint8Array, take: (length: number) => void): Promise<void> {
		return new Promise((resolve) => {
			let left = count;
			this.#take = (message) => {
				target.set(message);
				take(message.byteLength);
				if (--left > 0) return;
				this.#take = undefined;
				resolve();
			};
			for (const message of this.#early.splice(0)) this.push(message);
		});
	}
}

/** One port for each sender. */
export function portReceiver(ports: readonly MessagePort[]): ReceivingEnd {
	const collector = new Collector();
	for (const port of ports) port.on("message", collector.push);
	return {
		receive: (count, target, take) => collector.receive(count, target, take),
		close: () => {
			for (const port of ports) port.close();
		},
	};
}

export function broadcastSender(name: string): SendingEnd {
	const channel = new BroadcastChannel(name);
	return { send: (message) => channel.postMessage(message.slice()), close: () => channel.close() };
}

export function broadcastReceiver(name: string): ReceivingEnd {
	const channel = new BroadcastChannel(name);
	const collector = new Collector();
	channel.onmessage = (event) => collector.push((event as MessageEvent<Uint8Array>).data);
	return {
		receive: (count, target, take) => collector.receive(count, target, take),
		close: () => channel.close(),
	};
}
