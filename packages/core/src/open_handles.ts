/**
 * Endpoints that were not closed: when the process exits they leave properly, and when one was forgotten and collected
 * it leaves then, so that senders do not wait for somebody who will never read. A killed process gets to do neither;
 * its peers notice by themselves.
 */
const open = new Set<() => void>();

const forgotten = new FinalizationRegistry<() => void>((close) => close());

let listening = false;

/** Answers a function that closes once; it is also called when the process exits or `owner` is collected. */
export function closeAtExit(owner: object, closeNative: () => void): () => void {
	const close = (): void => {
		if (!open.delete(close)) return;
		forgotten.unregister(close);
		closeNative();
	};
	open.add(close);
	forgotten.register(owner, close, close);
	if (!listening) {
		listening = true;
		process.on("exit", () => {
			for (const each of [...open]) each();
		});
	}
	return close;
}
