import type { Receiver } from "./under_test.ts";

/** Looks until there is something; null after 20 s. */
async function until(look: () => Uint8Array | undefined): Promise<Uint8Array | null> {
	const patience = performance.now() + 20_000;
	for (;;) {
		const found = look();
		if (found || performance.now() > patience) return found ?? null;
		await new Promise((resolve) => setImmediate(resolve));
	}
}

const target = new Uint8Array(1 << 20);

/** The next message of up to 1 MiB, in each of the ways that do not block the event loop, so that the test itself can send it. */
export const ways = {
	recvAsync: (receiver: Receiver) => receiver.recvAsync({ timeout: 20_000 }),
	tryRecv: (receiver: Receiver) => until(() => receiver.tryRecv() ?? undefined),
	recvInto: (receiver: Receiver) =>
		until(() => {
			const length = receiver.recvInto(target, { timeout: 0 });
			return length < 0 ? undefined : target.slice(0, length);
		}),
	drain: (receiver: Receiver) =>
		until(() => {
			let found: Uint8Array | undefined;
			const keep = (view: Uint8Array) => {
				found = view.slice();
			};
			receiver.drain(keep, { max: 1, timeout: 0 });
			return found;
		}),
	drainBatch: (receiver: Receiver) =>
		until(() => {
			let found: Uint8Array | undefined;
			receiver.drainBatch(
				({ bytes, count, offsets, lengths }) => {
					const offset = offsets[0] as number;
					if (count === 1) found = bytes.slice(offset, offset + (lengths[0] as number));
				},
				{ max: 1, timeout: 0 },
			);
			return found;
		}),
} satisfies Record<string, (receiver: Receiver) => Promise<Uint8Array | null>>;

export const wayNames = Object.keys(ways) as (keyof typeof ways)[];
