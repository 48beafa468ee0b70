import type { EndpointKind } from "@libipc/protocol";
import { type Engine, type EngineOptions, type EngineReceiver, WaitBits } from "@libipc/protocol";
import { checkFunction, checkName, checkOptions, checkOptionsObject, describe } from "../check/argument.ts";
import { type EventLoop, eventLoopOf } from "../wait/event_loop.ts";
import { WaitQueue } from "../wait/wait_queue.ts";
import { QueueReceiverEndpoint } from "./queue_receiver.ts";
import { ReceiverEndpoint } from "./receiver.ts";
import { SenderEndpoint, type SharedSender } from "./sender.ts";
import type { EndpointFactory, EndpointOptions, QueueReceiver, Receiver, ReceiverOptions, Sender } from "./types.ts";

const EXAMPLE = '{ prefix: "app" }';

/** What endpoints have in addition to the public interface. */
interface Reporter {
	reportPeers(handler: NonNullable<EndpointOptions["onPeer"]>): void;
}

/** Starts calling `onPeer`, if there is one. */
function watched<SomeEndpoint extends Reporter>(endpoint: SomeEndpoint, options: EndpointOptions): SomeEndpoint {
	if (options.onPeer) endpoint.reportPeers(options.onPeer);
	return endpoint;
}

function checkAll(
	kind: EndpointKind,
	name: string,
	options: ReceiverOptions,
): { prefix: string; options: EngineOptions } {
	const prefix = checkName(name, options.prefix);
	if (options.onPeer !== undefined) checkFunction(name, "onPeer", options.onPeer);
	return { prefix, options: checkOptions(name, kind, options) };
}

type NewReceiver<SomeReceiver extends Receiver> = new (
	name: string,
	endpoint: string,
	engine: EngineReceiver,
	loop: EventLoop,
	reopen: () => SomeReceiver,
) => SomeReceiver & Reporter;

function createFactory<SomeReceiver extends Receiver>(
	engine: () => Engine,
	kind: EndpointKind,
	NewReceiver: NewReceiver<SomeReceiver>,
): EndpointFactory<SomeReceiver> {
	function openSender(name: string, options: EndpointOptions): Sender {
		const { prefix, options: checked } = checkAll(kind, name, options);
		const native = engine().openSender(kind, prefix, name, checked);
		const again = { prefix, permissions: options.permissions };
		const loop = eventLoopOf(engine());
		const sending = new WaitQueue(loop, native, WaitBits.space);
		const handle = (shared: SharedSender): SenderEndpoint =>
			new SenderEndpoint(name, describe(kind, prefix, name), shared, (same) =>
				kind === "route" ? handle(same) : openSender(name, again),
			);
		return watched(handle({ engine: native, loop, sending, handles: 0, batching: false }), options);
	}

	function openReceiver(name: string, options: ReceiverOptions): SomeReceiver {
		const { prefix, options: checked } = checkAll(kind, name, options);
		const native = engine().openReceiver(kind, prefix, name, checked);
		const reopen = (): SomeReceiver => openReceiver(name, { prefix, permissions: options.permissions });
		const endpoint = describe(kind, prefix, name);
		return watched(new NewReceiver(name, endpoint, native, eventLoopOf(engine()), reopen), options);
	}

	return {
		sender: (name, options) => openSender(name, checkOptionsObject(name, options, EXAMPLE) ?? {}),
		receiver: (name, options) => openReceiver(name, checkOptionsObject(name, options, EXAMPLE) ?? {}),
		clear: (name, options) =>
			engine().clear(kind, checkName(name, checkOptionsObject(name, options, EXAMPLE)?.prefix), name),
	};
}

/** Makes `Route` or `Channel` of an API from its engine. */
export function createEndpointFactory(engine: () => Engine, kind: "route" | "channel"): EndpointFactory {
	return createFactory<Receiver>(engine, kind, ReceiverEndpoint);
}

/** Makes `Queue` of an API from its engine. */
export function createQueueFactory(engine: () => Engine): EndpointFactory<QueueReceiver> {
	return createFactory<QueueReceiver>(engine, "queue", QueueReceiverEndpoint);
}
