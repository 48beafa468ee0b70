import { abi, type EngineEndpoint, limits, PEER_WORDS, WaitBits } from "@libipc/protocol";
import { checkIteration } from "../check/call_options.ts";
import type { EventLoop } from "../wait/event_loop.ts";
import { WaitIterator } from "../wait/wait_iterator.ts";
import { WaitQueue } from "../wait/wait_queue.ts";
import type { IterationOptions, PeerEvent } from "./types.ts";

/** Words of `ipc_peer`. */
const ROLE = abi.peer.role / 4;
const INSTANCE = abi.peer.instance / 4;
const PID = abi.peer.pid / 4;
const DIED = abi.peer.died / 4;
const ALIVE = abi.peer.alive / 4;
const OBSERVER = abi.peer.observer / 4;

type Peer = Pick<PeerEvent, "role" | "observer" | "pid">;

/** What an engine fills for a watch, which reads it at once: all watches share it. Allocated at first use. */
let records = new Uint32Array(0);

/** The other endpoints of a name that one watcher knows, and the events that it has not reported yet. */
export class PeerWatch {
	readonly #engine: EngineEndpoint;
	readonly #known = new Map<number, Peer>();
	readonly #unreported: PeerEvent[] = [];
	/** The dead receivers that the segment names, and how many have been added since this watch began. */
	#deadReceivers: ReadonlySet<number> | undefined;
	#receiverDeaths = 0;

	constructor(engine: EngineEndpoint) {
		this.#engine = engine;
	}

	/** The next event, if there is one. */
	next(): PeerEvent | undefined {
		if (this.#unreported.length === 0) this.#compare();
		return this.#unreported.shift();
	}

	/**
	 * How many receivers have died since this was first asked, or an event, until {@link next} had no event. It counts those too that
	 * joined and died between two calls, of which there is no event. A segment keeps the last deaths of each slot.
	 */
	get receiverDeaths(): number {
		return this.#receiverDeaths;
	}

	#compare(): void {
		if (records.length === 0) records = new Uint32Array((limits.maxReceivers + limits.maxSenders) * PEER_WORDS);
		const end = this.#engine.peers(records) * PEER_WORDS;
		const gone = new Map(this.#known);
		const died = new Set<number>();
		const deadReceivers = new Set<number>();
		for (let at = 0; at < end; at += PEER_WORDS) {
			const id = records[at + INSTANCE] as number;
			const deaths = records[at + ROLE] === abi.Role.sender ? died : deadReceivers;
			for (let death = 0; death < abi.PEER_DEATHS; death++) deaths.add(records[at + DIED + death] as number);
			if (id === 0) continue;
			// Dead, and its death has not been noticed yet.
			if (records[at + ALIVE] === 0) {
				deaths.add(id);
				continue;
			}
			if (gone.delete(id)) continue;
			const peer: Peer = {
				role: records[at + ROLE] === abi.Role.sender ? "sender" : "receiver",
				observer: records[at + OBSERVER] !== 0,
				pid: records[at + PID] as number,
			};
			this.#known.set(id, peer);
			this.#unreported.push({ type: "joined", ...peer, id });
		}
		for (const [id, peer] of gone) {
			this.#known.delete(id);
			const isDead = died.has(id) || deadReceivers.has(id);
			this.#unreported.push({ type: isDead ? "died" : "left", ...peer, id });
		}
		const before = this.#deadReceivers;
		this.#deadReceivers = deadReceivers;
		// Instances are never used twice; 0 stands for no death.
		if (before) for (const id of deadReceivers) if (id !== 0 && !before.has(id)) this.#receiverDeaths++;
	}
}

/** Watches the peers of an endpoint. */
export class Peers {
	readonly #endpoint: string;
	readonly #engine: EngineEndpoint;
	/** Iterators keep the process alive while they wait, callbacks do not. */
	readonly #iterators: WaitQueue;
	readonly #callbacks: WaitQueue;

	constructor(endpoint: string, engine: EngineEndpoint, loop: EventLoop) {
		this.#endpoint = endpoint;
		this.#engine = engine;
		this.#iterators = new WaitQueue(loop, engine, WaitBits.peers);
		this.#callbacks = new WaitQueue(loop, engine, WaitBits.peers);
		this.#callbacks.keepsAlive = false;
	}

	/** The queue for waits that depend on which endpoints are open. */
	get queue(): WaitQueue {
		return this.#iterators;
	}

	events(options: IterationOptions | undefined): AsyncIterableIterator<PeerEvent> {
		return this.#watch(this.#iterators, checkIteration(this.#endpoint, options));
	}

	/** Calls `handler` for each event until the endpoint is closed. If it throws, this becomes an unhandled rejection and it is not called again. */
	report(handler: (event: PeerEvent) => void): void {
		const events = this.#watch(this.#callbacks, undefined);
		void (async () => {
			for await (const event of events) handler(event);
		})();
	}

	/** The peers, for a caller that looks from time to time. */
	watch(): PeerWatch {
		return new PeerWatch(this.#engine);
	}

	#watch(queue: WaitQueue, signal: AbortSignal | undefined): AsyncIterableIterator<PeerEvent> {
		const watch = this.watch();
		return new WaitIterator(this.#endpoint, queue, () => watch.next(), signal);
	}

	close(): void {
		this.#iterators.close();
		this.#callbacks.close();
	}
}
