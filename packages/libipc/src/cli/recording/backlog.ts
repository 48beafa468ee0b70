/** Copies of messages of one name that cannot be written yet, oldest first. */
export class Backlog {
	#bytes = new Uint8Array(64 << 10);
	#used = 0;
	#starts: number[] = [];
	#orders: number[] = [];
	#sentAts: number[] = [];
	#readAts: number[] = [];
	#senders: number[] = [];
	#first = 0;

	get isEmpty(): boolean {
		return this.#first === this.#starts.length;
	}

	/** The place of the oldest message in the order; `Infinity`: there is none. */
	get order(): number {
		return this.#orders[this.#first] ?? Number.POSITIVE_INFINITY;
	}

	add(order: number, sentAt: number, readAt: number, sender: number, bytes: Uint8Array): void {
		const needed = this.#used + bytes.byteLength;
		if (needed > this.#bytes.byteLength) {
			const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.byteLength));
			larger.set(this.#bytes.subarray(0, this.#used));
			this.#bytes = larger;
		}
		this.#bytes.set(bytes, this.#used);
		this.#starts.push(this.#used);
		this.#orders.push(order);
		this.#sentAts.push(sentAt);
		this.#readAts.push(readAt);
		this.#senders.push(sender);
		this.#used = needed;
	}

	/** Passes the oldest message on, and forgets it. There must be one. */
	take(put: (order: number, sentAt: number, readAt: number, sender: number, bytes: Uint8Array) => void): void {
		const at = this.#first++;
		const bytes = this.#bytes.subarray(this.#starts[at], this.#starts[at + 1] ?? this.#used);
		put(
			this.#orders[at] as number,
			this.#sentAts[at] as number,
			this.#readAts[at] as number,
			this.#senders[at] as number,
			bytes,
		);
		if (this.isEmpty) this.#clear();
	}

	#clear(): void {
		this.#used = this.#first = 0;
		for (const list of [this.#starts, this.#orders, this.#sentAts, this.#readAts, this.#senders]) list.length = 0;
	}
}
