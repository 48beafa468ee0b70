/**
 * The endpoints and handles that are open. When the process exits, they are closed. When one of them is garbage-collected, its
 * native object is closed, so that senders do not wait for a receiver that will never read. A killed process does neither; other
 * processes notice its death.
 */
const open = new Map<() => void, WeakRef<{ close(): void }>>();

const forgotten = new FinalizationRegistry<() => void>((close) => close());

const afterwards: (() => void)[] = [];

let listening = false;

/** A separate function: the closure of a listener made in {@link closeAtExit} would keep the first `owner` alive. */
function listen(): void {
	if (listening) return;
	listening = true;
	process.on("exit", () => {
		for (const [each, alive] of [...open]) (alive.deref() ?? { close: each }).close();
		for (const each of afterwards) each();
	});
}

/**
 * Calls `action` at the exit of the process, after everything that is open was closed.
 *
 * @internal
 */
export function afterClosingAtExit(action: () => void): void {
	afterwards.push(action);
	listen();
}

/**
 * Returns a function that calls `free` once. It is also called when `owner` is collected. When the process exits, `owner` itself is
 * closed, so that later exit handlers find it closed, not freed.
 *
 * @internal
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
