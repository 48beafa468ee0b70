/** What comes of a promise or of a call. */

interface Coded {
	readonly code: string;
}

/** Whether a promise is still pending after five turns of the event loop. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
	let pending = true;
	const settled = () => {
		pending = false;
	};
	promise.then(settled, settled);
	for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
	return pending;
}

/** The reason that a promise is rejected with. Throws if the promise is fulfilled. */
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
