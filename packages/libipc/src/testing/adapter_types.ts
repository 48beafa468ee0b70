/**
 * The types of listen, merge and streams. `tsc` checks this file with all others (`bun run check`), and nothing runs it: a line after
 * `@ts-expect-error` must not compile.
 */
import {
	Channel,
	type Lease,
	listen,
	merge,
	Queue,
	type Receiver,
	Route,
	type ValueLease,
	type ValueReceiver,
} from "libipc";
import { json, text } from "libipc/codecs";
import { readableStream, writableStream } from "libipc/streams";

/** Whether two types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only if the two types are the same. */
const same = <A, B>(_: Same<A, B>): void => {};

const bytes = () => Channel.receiver("a");
const values = () => Route.receiver("a", { codec: json<{ id: number }>() });
const jobs = () => Queue.receiver("a", { codec: text() });

export function handlers(): void {
	listen(bytes(), (message) => same<typeof message, Uint8Array<ArrayBuffer>>(true));
	listen(values(), async ({ id }) => same<typeof id, number>(true), {
		onError: (_, message) => same<typeof message, { id: number } | undefined>(true),
	});
	listen(jobs(), (job) => same<typeof job, string>(true));
	listen(jobs(), (lease) => same<typeof lease, ValueLease<string>>(true), { leases: true });
	listen(Queue.receiver("a"), (lease) => same<typeof lease, Lease>(true), { leases: true });
	// @ts-expect-error: a channel has no leases
	listen(bytes(), () => {}, { leases: true });
	// @ts-expect-error: the handler gets an object
	listen(values(), (value: string) => value);
}

export async function merged(): Promise<void> {
	for await (const item of merge(bytes(), values(), jobs().leases())) {
		if (item.index === 0) {
			same<typeof item.from, Receiver>(true);
			same<typeof item.message, Uint8Array<ArrayBuffer>>(true);
		} else if (item.index === 1) {
			same<typeof item.from, ValueReceiver<{ id: number }>>(true);
			same<typeof item.message, { id: number }>(true);
		} else {
			same<typeof item.index, 2>(true);
			same<typeof item.message, ValueLease<string>>(true);
		}
		// @ts-expect-error: only the second source has it
		item.message.id;
	}
	const { signal } = new AbortController();
	for await (const { index, message } of merge(bytes(), jobs(), { signal })) {
		same<typeof index, 0 | 1>(true);
		same<typeof message, Uint8Array<ArrayBuffer> | string>(true);
	}
	const several = [jobs(), jobs()];
	for await (const { index, message } of merge(...several)) {
		same<typeof index, number>(true);
		same<typeof message, string>(true);
	}
	// @ts-expect-error: a sender has no messages
	merge(Channel.sender("a"));
}

export function streams(): void {
	same<ReturnType<typeof ofBytes>, ReadableStream<Uint8Array<ArrayBuffer>>>(true);
	same<ReturnType<typeof ofValues>, ReadableStream<{ id: number }>>(true);
	void writableStream(Channel.sender("a")).getWriter().write("text");
	const numbers = writableStream(Channel.sender("a", { codec: json<number>() })).getWriter();
	void numbers.write(42);
	// @ts-expect-error: the values are numbers
	void numbers.write("42");
	// @ts-expect-error: a sender is not read
	readableStream(Channel.sender("a"));
}
const ofBytes = () => readableStream(bytes());
const ofValues = () => readableStream(values());
