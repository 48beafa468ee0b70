interface Owner {
	close(): void;
}

/** What {@link closeAtExit} and {@link afterClosingAtExit} know of a thread. */
interface Registry {
	readonly open: Map<() => void, Owner | WeakRef<Owner>>;
	readonly afterwards: (() => void)[];
	isListening: boolean;
}

/**
 * The key of the registry. In the published package, entries such as `libipc/service` contain a copy of this module. All copies have one
 * registry, because the order of the opens counts, whichever entry they come from: a server of a service is closed before its endpoints.
 */
const REGISTRY: unique symbol = Symbol.for("libipc.closeAtExit");

const scope = globalThis as { [REGISTRY]?: Registry };
const registry: Registry = scope[REGISTRY] ?? { open: new Map(), afterwards: [], isListening: false };
scope[REGISTRY] = registry;

/**
 * The endpoints and handles that are open. When the process exits, they are closed. When one of them is garbage-collected, its
 * native object is closed, so that senders do not wait for a receiver that will never read. A killed process does neither; other
 * processes notice its death.
 */
const { open, afterwards } = registry;

/**
 * What was opened in this job and is still open. A WeakRef keeps its target until the end of the job that makes it: for an endpoint
 * that is closed in the same job none is made, so that a loop of opens and closes keeps nothing.
 */
const fresh = new Map<() => void, Owner>();

function hold(close: () => void, owner: Owner): void {
	if (fresh.size === 0)
		queueMicrotask(() => {
			for (const [each, its] of fresh) open.set(each, new WeakRef(its));
			fresh.clear();
		});
	fresh.set(close, owner);
	open.set(close, owner);
}

const forgotten = new FinalizationRegistry<() => void>((close) => close());

/** A separate function: the closure of a listener made in {@link closeAtExit} would keep the first `owner` alive. */
function listen(): void {
	if (registry.isListening) return;
	registry.isListening = true;
	process.on("exit", () => {
		for (const [each, owner] of [...open]) {
			if (owner instanceof WeakRef) (owner.deref() ?? { close: each }).close();
			else owner.close();
		}
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
export function closeAtExit(owner: Owner, free: () => void): () => void {
	const close = (): void => {
		if (!open.delete(close)) return;
		fresh.delete(close);
		forgotten.unregister(close);
		free();
	};
	hold(close, owner);
	forgotten.register(owner, close, close);
	listen();
	return close;
}
