import { writePattern } from "@libipc/testing/pattern";
import type { Sender } from "./under_test.ts";

const SIZE_OF_BATCH = 5;

/** Sends pattern messages in every way that blocks the thread, for as long as `goesOn`, and answers how many. */
export function sendInAllWays(sender: Sender, id: number, largest: number, goesOn: () => boolean): number {
	const buffer = new Uint8Array(largest);
	let sent = 0;
	const must = (was: boolean): void => {
		if (!was) throw new Error(`message ${sent} was not sent`);
	};
	for (let turn = 0; goesOn(); turn++) {
		if (turn % 4 === 0) must(sender.send(writePattern(buffer, id, sent, largest)));
		else if (turn % 4 === 1) {
			const message = writePattern(buffer, id, sent, largest);
			while (!sender.trySend(message));
		} else if (turn % 4 === 2) {
			const messages = Array.from({ length: SIZE_OF_BATCH }, (_, i) =>
				writePattern(buffer, id, sent + i, largest).slice(),
			);
			must(sender.sendBatch(messages) === SIZE_OF_BATCH);
			sent += SIZE_OF_BATCH - 1;
		} else {
			const message = writePattern(buffer, id, sent, largest);
			const loan = sender.loan(message.byteLength);
			loan?.bytes.set(message);
			must(loan?.send() ?? false);
		}
		sent++;
	}
	return sent;
}
