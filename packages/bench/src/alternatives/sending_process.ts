import type { ReceiverEvent } from "./receiver_event.ts";

/** The line from a receiving process to the one that started it. */
export class SendingProcess {
	constructor() {
		// Whatever ended the sender, even SIGKILL, closes this line: no receiver outlives it.
		process.on("disconnect", () => process.exit());
	}

	tell(event: ReceiverEvent): void {
		process.send?.(event);
	}
}
