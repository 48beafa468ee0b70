/**
 * Endpoints that were not closed: when the process exits they leave properly, and when one was forgotten and collected
 * it leaves then, so that senders do not wait for somebody who will never read. A killed process gets to do neither;
 * its peers notice by themselves.
 */
const open = new Map<() => void, WeakRef<{ close(): void }>>();

const forgotten = new FinalizationRegistry<() => void>((close) => close());

let listening = false;

/** Not inside {@link closeAtExit}, for whose first owner its variables would live as long as the process. */
function listen(): void {
	if (listening) return;
	listening = true;
	process.on("exit", () => {
		for (const [each, alive] of [...open]) (alive.deref() ?? { close: each }).close();
	});
}

/**
 * Answers a function that frees the native object, once. It is also called when `owner` is collected; when the process
 * exits, the owner itself is closed, so that exit handlers that come later find it closed and not freed.
 */
export function closeAtExit(owner: { close(): void }, free: () => void): () => void {
	const close = (): void => {
		if (!open.delete(close)) return;
		forgotten.unregister(close);
		free();
	};
	open.set(close, new WeakRef(owner));
	forgotten.register(owner, close, close);
	listen();
	return close;
}
