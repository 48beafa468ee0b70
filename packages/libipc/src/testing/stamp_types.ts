/**
 * The types of stamps. `tsc` checks this file with all others (`bun run check`), and nothing runs it: a line after
 * `@ts-expect-error` must not compile.
 */
import { Channel, defineQueue, type Latency, type list, type Queue, Route, type Stamp } from "libipc";
import { json } from "libipc/codecs";

/** Whether two types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only if the two types are the same. */
const same = <A, B>(_: Same<A, B>): void => {};

export async function stamps(): Promise<void> {
	const receiver = Channel.receiver("a", { stamp: true });
	same<typeof receiver.lastStamp, Stamp | undefined>(true);
	same<typeof receiver.latency, Latency | undefined>(true);
	const values = Route.receiver("a", { stamp: true, codec: json<number>(), lossy: true });
	same<typeof values.lastStamp, Stamp | undefined>(true);
	same<typeof values.latency, Latency | undefined>(true);
	await Route.senderAsync("a", { stamp: false, wait: 10 });
	same<NonNullable<ReturnType<ReturnType<typeof Queue.receiver>["take"]>>["stamp"], Stamp | undefined>(true);
	const jobs = defineQueue("a", { stamp: true, codec: json<number>() });
	same<NonNullable<ReturnType<ReturnType<typeof jobs.receiver>["take"]>>["stamp"], Stamp | undefined>(true);
	same<ReturnType<typeof list>[number]["stamped"], boolean>(true);
	// @ts-expect-error: the definition decides
	jobs.sender({ stamp: true });
	// @ts-expect-error: yes or no
	Channel.sender("a", { stamp: 1 });
	// @ts-expect-error: it may have none
	receiver.latency.reset();
	// @ts-expect-error: nothing sets it
	receiver.lastStamp = undefined;
}
