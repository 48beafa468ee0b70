/**
 * The types of endpoints with codecs. `tsc` checks this file with all others (`bun run check`), and nothing runs it: a line after
 * `@ts-expect-error` must not compile.
 */

import type { MessageShape } from "@bufbuild/protobuf";
import * as wkt from "@bufbuild/protobuf/wkt";
import { type TimestampSchema, timestampNow } from "@bufbuild/protobuf/wkt";
import { type } from "arktype";
import {
	Channel,
	type Codec,
	defineChannel,
	defineQueue,
	defineRoute,
	type Latency,
	Queue,
	type QueueReceiver,
	type Receiver,
	Route,
	type Sender,
	type Stamp,
	type ValueQueueReceiver,
	type ValueReceiver,
	type ValueSender,
} from "libipc";
import { json, structured, text } from "libipc/codecs";
import { flatbuffers } from "libipc/codecs/flatbuffers";
import type { msgpack } from "libipc/codecs/msgpack";
import { protobuf } from "libipc/codecs/protobuf";
import * as v from "valibot";
import { z } from "zod";

/** Whether two types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only if the two types are the same. */
const same = <A, B>(_: Same<A, B>): void => {};

interface Order {
	id: number;
	item: string;
}

export async function bytesAsBefore(): Promise<void> {
	same<ReturnType<typeof bytes>, Sender>(true);
	const receiver = Channel.receiver("a", { capacity: 4096 });
	same<typeof receiver, Receiver>(true);
	const queue = Queue.receiver("a");
	same<typeof queue, QueueReceiver>(true);
	const route = await Route.senderAsync("a", { wait: 10 });
	same<typeof route, Sender>(true);
	// @ts-expect-error: a message is bytes
	bytes().send({ id: 1 });
	// Any of the kinds.
	const kinds = { route: Route, channel: Channel, queue: Queue };
	const some = kinds["route" as keyof typeof kinds];
	same<ReturnType<typeof some.sender>, Sender>(true);
	some.receiver("a", { from: "oldest" }).recv();
}
const bytes = () => Channel.sender("a");

export function theCodecDecides(): void {
	const sender = Channel.sender("a", { codec: json<Order>() });
	same<typeof sender, ValueSender<Order>>(true);
	sender.send({ id: 1, item: "espresso" });
	// @ts-expect-error: an order has an item
	sender.send({ id: 1 });
	// @ts-expect-error: a value, not its bytes
	sender.send("{}");
	// @ts-expect-error: each of them
	sender.sendBatch([
		{ id: 1, item: "a" },
		{ id: "2", item: "b" },
	]);

	const receiver = Channel.receiver("a", { codec: json<Order>(), from: "oldest" });
	same<typeof receiver, ValueReceiver<Order>>(true);
	const order = receiver.recv({ timeout: 1 });
	same<typeof order, Order | undefined>(true);
	receiver.drain((each) => same<typeof each, Order>(true));
	// @ts-expect-error: it may be undefined
	order.id;

	// The type may also be given to the endpoint.
	const asked = Channel.sender<Order>("a", { codec: json() });
	same<typeof asked, ValueSender<Order>>(true);
	// @ts-expect-error: a codec of text is none of orders
	Channel.sender<Order>("a", { codec: text() });

	const queue = Queue.receiver("a", { codec: structured<Map<string, Date>>() });
	same<typeof queue, ValueQueueReceiver<Map<string, Date>>>(true);
	const value = queue.take()?.value;
	same<typeof value, Map<string, Date> | undefined>(true);

	same<ReturnType<typeof msgpack<Order>>, Codec<Order>>(true);
	const times = Route.receiver("a", { codec: protobuf(wkt.TimestampSchema) });
	same<typeof times, ValueReceiver<MessageShape<typeof TimestampSchema>>>(true);
	const clock = Route.sender("a", { codec: protobuf(wkt.TimestampSchema), wait: 5 });
	clock.send(timestampNow());
	clock.send({ seconds: 1n });
	// @ts-expect-error: seconds are a bigint
	clock.send({ seconds: 1 });

	const tables = flatbuffers({ name: "shop.Order", root: (buffer) => buffer.bytes().byteLength });
	same<typeof tables extends Codec<infer Value, never> ? Value : never, number>(true);
}

export async function ofEachKind(): Promise<void> {
	const route = await Route.senderAsync("a", { codec: text(), wait: 5 });
	same<typeof route, ValueSender<string>>(true);
	for await (const message of Route.receiver("a", { codec: text() })) same<typeof message, string>(true);
	for await (const { value } of Queue.receiver("a", { codec: text() }).leases()) same<typeof value, string>(true);
	const awaited = await Channel.receiver("a", { codec: text() }).recvAsync();
	same<typeof awaited, string | undefined>(true);
	// @ts-expect-error: a queue has leases, a channel has none
	Channel.receiver("a", { codec: text() }).take();
	// @ts-expect-error: schema needs a codec
	Channel.receiver("a", { schema: z.string() });
	// @ts-expect-error: no such option
	Channel.receiver("a", { codec: text(), onInvald: () => {} });
}

/** What senders send is what the schema accepts; what receivers get is what it returns. */
export function theSchemaDecides(): void {
	const withZod = z.object({ id: z.number(), at: z.string().transform((at) => new Date(at)) });
	const withValibot = v.object({
		id: v.number(),
		at: v.pipe(
			v.string(),
			v.transform((at) => new Date(at)),
		),
	});
	const withArktype = type({ id: "number", at: "string.date.parse" });
	interface Sent {
		id: number;
		at: string;
	}
	interface Got {
		id: number;
		at: Date;
	}
	Channel.sender("a", { codec: json(), schema: withZod }).send({ id: 1, at: "2026-01-01" } satisfies Sent);
	Channel.sender("a", { codec: json(), schema: withValibot }).send({ id: 1, at: "2026-01-01" } satisfies Sent);
	Channel.sender("a", { codec: json(), schema: withArktype }).send({ id: 1, at: "2026-01-01" } satisfies Sent);
	// @ts-expect-error: what is sent is not transformed yet
	Channel.sender("a", { codec: json(), schema: withZod }).send({ id: 1, at: new Date() });
	const got: (Got | undefined)[] = [
		Channel.receiver("a", { codec: json(), schema: withZod }).recv(),
		Route.receiver("a", { codec: json(), schema: withValibot }).recv(),
		Queue.receiver("a", { codec: json(), schema: withArktype }).take()?.value,
	];
	got[0]?.at.getTime();
	// The codec has to be able to send what the schema accepts.
	Channel.sender("a", { codec: json<Sent>(), schema: withZod });
	// @ts-expect-error: a codec of text sends no objects
	Channel.sender("a", { codec: text(), schema: withZod });
	// @ts-expect-error: …and none arrive
	Channel.receiver("a", { codec: text(), schema: withZod });
}

export async function definitions(): Promise<void> {
	const orders = defineChannel("orders", {
		codec: json(),
		schema: z.object({ id: z.coerce.string() }),
		capacity: 4096,
	});
	orders.sender().send({ id: 5 });
	const order = orders.receiver({ from: "oldest", onInvalid: ({ issues }) => issues?.length }).recv();
	same<typeof order, { id: string } | undefined>(true);
	// @ts-expect-error: the definition has it
	orders.receiver({ capacity: 8192 });
	// @ts-expect-error: the definition has it
	orders.receiver({ codec: text() });

	const log = defineRoute("log", { codec: text() });
	same<Awaited<ReturnType<typeof log.senderAsync>>, ValueSender<string>>(true);
	log.sender({ wait: 10 }).send("started");
	// @ts-expect-error: a channel has no successor
	orders.sender({ wait: 10 });

	same<ReturnType<typeof orders.waitForReceivers>, boolean>(true);
	same<ReturnType<typeof log.receiversReady>, Promise<boolean>>(true);
	orders.waitForReceivers(1, { timeout: 10, prefix: "app" });
	await log.receiversReady(1, { signal: AbortSignal.timeout(10) });
	// @ts-expect-error: a wait that blocks cannot be aborted
	orders.waitForReceivers(1, { signal: AbortSignal.timeout(10) });
	// @ts-expect-error: the definition has the name
	orders.waitForReceivers("orders", 1);
	const { done, read, left, unread } = await orders.sender().flush({ timeout: 10 });
	same<[typeof done, typeof read, typeof left, typeof unread], [boolean, number, number, number]>(true);
	const stamped = defineChannel("stamped", { codec: json<Order>(), stamp: true });
	same<ReturnType<typeof stamped.receiver>["lastStamp"], Stamp | undefined>(true);
	same<ReturnType<typeof stamped.receiver>["latency"], Latency | undefined>(true);
	// @ts-expect-error: a timeout is a number
	orders.sender().flush({ timeout: "10" });

	const jobs = defineQueue("jobs", { codec: json<Order>() });
	same<ReturnType<typeof jobs.waitForReceivers>, boolean>(true);
	same<ReturnType<typeof jobs.receiver>, ValueQueueReceiver<Order>>(true);
	const frames = defineQueue("frames", { maxReceivers: 3 });
	same<ReturnType<typeof frames.receiver>, QueueReceiver>(true);
	same<ReturnType<typeof frames.sender>, Sender>(true);
}

/** A codec of a program, of which the compiler knows all types. */
export const point: Codec<{ x: number }, { x: number; y?: number }> = {
	id: "point",
	encode: ({ x, y = 0 }) => Uint8Array.of(x, y),
	decode: ([x = 0]) => ({ x }),
};

export function ownCodec(): void {
	const points = Channel.sender("points", { codec: point });
	points.send({ x: 1, y: 2 });
	// @ts-expect-error: x is a number
	points.send({ x: "1" });
}
