/** What the sender sends in a run. */
export interface BulkOrder {
	readonly mode: "batch" | "send" | "loan";
	/** Of each message. */
	readonly bytes: number;
	readonly count: number;
}

/** How many messages a batch has. */
export const BATCH = 500;

/** Writes the number of the message into its first and its last two bytes. */
export function stampMessage(message: Uint8Array, number: number): void {
	const end = message.byteLength;
	message[0] = number & 0xff;
	message[1] = (number >> 8) & 0xff;
	message[end - 2] = message[0] as number;
	message[end - 1] = message[1] as number;
}

/** Throws unless the bytes from `at` to `end` are message `number`. */
export function checkStamp(bytes: Uint8Array, at: number, end: number, number: number): void {
	const low = number & 0xff;
	const high = (number >> 8) & 0xff;
	if (bytes[at] !== low || bytes[at + 1] !== high || bytes[end - 2] !== low || bytes[end - 1] !== high)
		throw new Error(`message ${number} differs from what was sent`);
}
