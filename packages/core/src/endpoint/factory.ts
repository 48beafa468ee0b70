import type { EndpointKind } from "@libipc/protocol";
import { type Engine, type EngineOptions, type EngineReceiver, type EngineSender, WaitBits } from "@libipc/protocol";
import {
	checkClear,
	checkFunction,
	checkName,
	checkOptions,
	checkOptionsObject,
	checkSignal,
	checkWait,
	describe,
	FACTORIES,
} from "../check/argument.ts";
import { checkOptionNames, optionNames } from "../check/option_names.ts";
import { type EventLoop, eventLoopOf } from "../wait/event_loop.ts";
import { WaitQueue } from "../wait/wait_queue.ts";
import { openAfterOther, openAfterOtherAsync } from "./handover.ts";
import { QueueReceiverEndpoint } from "./queue_receiver.ts";
import { ReceiverEndpoint } from "./receiver.ts";
import { SenderEndpoint, type SharedSender } from "./sender.ts";
import type {
	EndpointFactory,
	EndpointOptions,
	QueueReceiver,
	Receiver,
	ReceiverOptions,
	RouteFactory,
	RouteSenderOptions,
	Sender,
} from "./types.ts";

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

interface CheckedOptions {
	readonly prefix: string;
	readonly options: EngineOptions;
}

function checkAll(
	kind: EndpointKind,
	call: keyof RouteFactory,
	known: readonly string[],
	name: string,
	options: ReceiverOptions,
): CheckedOptions {
	const prefix = checkName(name, options.prefix);
	checkOptionNames(name, `${FACTORIES[kind]}.${call}`, options, known);
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

/** The public sender of an engine's. `reopen` opens another sender of the name, for a clone; a clone of a route's sender shares it. */
function senderOf(
	engine: Engine,
	native: EngineSender,
	kind: EndpointKind,
	prefix: string,
	name: string,
	options: EndpointOptions,
	reopen?: () => Sender,
): Sender {
	const loop = eventLoopOf(engine);
	const sending = new WaitQueue(loop, native, WaitBits.space);
	const handle = (shared: SharedSender): SenderEndpoint =>
		new SenderEndpoint(name, describe(kind, prefix, name), shared, (same) => reopen?.() ?? handle(same));
	return watched(handle({ engine: native, loop, sending, handles: 0, batching: false }), options);
}

function createFactory<SomeReceiver extends Receiver>(
	engine: () => Engine,
	kind: EndpointKind,
	NewReceiver: NewReceiver<SomeReceiver>,
): EndpointFactory<SomeReceiver> {
	function openSender(name: string, options: EndpointOptions): Sender {
		const { prefix, options: checked } = checkAll(kind, "sender", optionNames.sender, name, options);
		const native = engine().openSender(kind, prefix, name, checked);
		const again = { prefix, permissions: options.permissions };
		return senderOf(engine(), native, kind, prefix, name, options, () => openSender(name, again));
	}

	function openReceiver(name: string, options: ReceiverOptions): SomeReceiver {
		const { prefix, options: checked } = checkAll(kind, "receiver", optionNames.receiver, name, options);
		const native = engine().openReceiver(kind, prefix, name, checked);
		const reopen = (): SomeReceiver => openReceiver(name, { prefix, permissions: options.permissions });
		const endpoint = describe(kind, prefix, name);
		return watched(new NewReceiver(name, endpoint, native, eventLoopOf(engine()), reopen), options);
	}

	return {
		sender: (name, options) => openSender(name, checkOptionsObject(name, options, EXAMPLE) ?? {}),
		receiver: (name, options) => openReceiver(name, checkOptionsObject(name, options, EXAMPLE) ?? {}),
		clear: (name, options) => engine().clear(kind, checkClear(FACTORIES[kind], name, options), name),
	};
}

/** Makes `Channel` of an API from its engine. */
export function createChannelFactory(engine: () => Engine): EndpointFactory {
	return createFactory<Receiver>(engine, "channel", ReceiverEndpoint);
}

/** Makes `Route` of an API from its engine. */
export function createRouteFactory(engine: () => Engine): RouteFactory {
	function prepare(name: string, given: RouteSenderOptions | undefined, call: "sender" | "senderAsync") {
		const options = checkOptionsObject(name, given, EXAMPLE) ?? {};
		const wait = checkWait(name, options.wait, call === "sender" ? 0 : -1);
		const known = call === "sender" ? optionNames.routeSender : optionNames.routeSenderAsync;
		const { prefix, options: checked } = checkAll("route", call, known, name, options);
		const to = { engine: engine(), prefix, name, endpoint: describe("route", prefix, name), options: checked, wait };
		return { to, finish: (native: EngineSender) => senderOf(to.engine, native, "route", prefix, name, options) };
	}

	return {
		...createFactory<Receiver>(engine, "route", ReceiverEndpoint),
		sender(name, given) {
			const { to, finish } = prepare(name, given, "sender");
			const { prefix, options, wait } = to;
			return finish(wait === 0 ? to.engine.openSender("route", prefix, name, options) : openAfterOther(to));
		},
		async senderAsync(name, given) {
			const { to, finish } = prepare(name, given, "senderAsync");
			return finish(await openAfterOtherAsync(to, checkSignal(name, given?.signal)));
		},
	};
}

/** Makes `Queue` of an API from its engine. */
export function createQueueFactory(engine: () => Engine): EndpointFactory<QueueReceiver> {
	return createFactory<QueueReceiver>(engine, "queue", QueueReceiverEndpoint);
}
