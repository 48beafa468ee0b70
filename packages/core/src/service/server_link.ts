import type { SenderEndpoint } from "../endpoint/sender.ts";

/** What a client has to say to one server. */
export class ServerLink<Call> {
	readonly server: number;
	/** The calls that the server runs. */
	readonly calls = new Set<Call>();
	readonly #inbox: SenderEndpoint | undefined;
	/** Frames that wait for space. */
	#waiting = 0;
	/** For how many looks it has had no call. */
	#idle = 0;

	/** `inbox`: `undefined` if the server is gone. */
	constructor(server: number, inbox: SenderEndpoint | undefined) {
		this.server = server;
		this.#inbox = inbox;
	}

	/** Whether the server is closed or dead. */
	get isGone(): boolean {
		return this.#inbox === undefined || this.#inbox.receiverCount === 0;
	}

	/** Sends a frame, after those before it. `block`: in a thread whose event loop does not run. */
	send(frame: Uint8Array, block: boolean): void {
		const inbox = this.#inbox;
		if (!inbox) return;
		try {
			if (this.#waiting === 0 && inbox.trySend(frame)) return;
			if (block) {
				inbox.send(frame, { timeout: 1000 });
				return;
			}
		} catch {
			return; // the server's inbox is gone: its calls end for that reason
		}
		this.#waiting++;
		const sent = (): void => {
			this.#waiting--;
		};
		inbox.sendAsync(frame).then(sent, sent);
	}

	/** Called from time to time; returns whether it has not been used for a while. */
	rests(): boolean {
		this.#idle = this.calls.size > 0 || this.#waiting > 0 ? 0 : this.#idle + 1;
		return this.#idle > 3;
	}

	close(): void {
		this.#inbox?.close();
	}
}
