import { monotonicNs, Queue, Route } from "libipc";
import { json } from "libipc/codecs";
import { Service } from "libipc/service";
import { ANSWERS, type EchoHandlers, JSON_SERVICE, REQUESTS, SERVICE } from "./names.ts";

/** A way to ask another process and get an answer. */
export interface RoundTrip extends Disposable {
	readonly title: string;
	/** One question and its answer. */
	run(): Promise<unknown>;
}

/** What is asked: about as much as the bytes of the bare ping-pong. */
const TEXT = "x".repeat(56);

/** All ways, the bare one first. */
export function roundTrips(prefix: string): RoundTrip[] {
	const requests = Queue.sender(REQUESTS, { prefix });
	const answers = Route.receiver(ANSWERS, { prefix });
	const message = new Uint8Array(64);
	const bare: RoundTrip = {
		title: "a queue there, a route back: recvAsync",
		run() {
			requests.send(message);
			return answers.recvAsync();
		},
		[Symbol.dispose]() {
			requests.close();
			answers.close();
		},
	};
	const client = Service.connect<EchoHandlers>(SERVICE, { prefix });
	const jsonClient = Service.connect<EchoHandlers>(JSON_SERVICE, { prefix, codec: json() });
	return [
		bare,
		{ title: "a call of a service", run: () => client.echo(TEXT), [Symbol.dispose]: () => client.$close() },
		{
			title: "a call of a service, with a timeout",
			run: () => client.$with({ timeout: 10_000 }).echo(TEXT),
			[Symbol.dispose]() {},
		},
		{
			title: "a call of a service, JSON",
			run: () => jsonClient.echo(TEXT),
			[Symbol.dispose]: () => jsonClient.$close(),
		},
	];
}

/** Nanoseconds of each of so many round trips. */
export async function measure(roundTrip: RoundTrip, count: number): Promise<Float64Array> {
	const times = new Float64Array(count);
	for (let i = 0; i < count; i++) {
		const begin = monotonicNs();
		await roundTrip.run();
		times[i] = monotonicNs() - begin;
	}
	return times;
}
