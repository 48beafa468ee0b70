import type { EngineEndpoint, EngineWaker } from "@libipc/protocol";

/** What stamped senders and receivers leave to the endpoint of the engine, whose messages have nothing to do with it. */
export abstract class StampedEndpoint<Inner extends EngineEndpoint> implements EngineEndpoint {
	protected readonly engine: Inner;
	protected readonly now: () => number;

	constructor(engine: Inner, now: () => number) {
		this.engine = engine;
		this.now = now;
	}

	arm(wait: number, waker: EngineWaker): void {
		this.engine.arm(wait, waker);
	}

	poll(wait: number, waker: EngineWaker): boolean {
		return this.engine.poll(wait, waker);
	}

	armed(): number {
		return this.engine.armed();
	}

	peers(records: Uint32Array): number {
		return this.engine.peers(records);
	}

	close(): void {
		this.engine.close();
	}
}
