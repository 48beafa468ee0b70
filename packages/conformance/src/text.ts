const decoder = new TextDecoder();

/** A message as text; null as it is. */
export function text(bytes: Uint8Array): string;
export function text(bytes: Uint8Array | null): string | null;
export function text(bytes: Uint8Array | null): string | null {
	return bytes && decoder.decode(bytes);
}

interface Coded {
	readonly code: string;
}

/** Whether a promise has settled once the event loop has gone round a few times. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
	let pending = true;
	const settled = () => {
		pending = false;
	};
	promise.then(settled, settled);
	for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
	return pending;
}

/** The reason a promise is rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
	try {
		await promise;
	} catch (reason) {
		return reason;
	}
	throw new Error("the promise was fulfilled");
}

/** The code of the IpcError that a promise is rejected with. */
export async function rejectionCode(promise: Promise<unknown>): Promise<string | undefined> {
	return ((await rejection(promise)) as Partial<Coded>).code;
}

/** The code of the IpcError that a call throws. */
export function thrownCode(call: () => unknown): string | undefined {
	try {
		call();
	} catch (reason) {
		return (reason as Partial<Coded>).code;
	}
	throw new Error("nothing was thrown");
}
