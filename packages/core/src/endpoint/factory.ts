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
import { warnOfOtherKind } from "../check/other_kind.ts";
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

/** Options whose properties run no code of the caller: each was read once. An exception after the open would leave it open. */
interface CheckedOptions {
	readonly prefix: string;
	readonly onPeer: EndpointOptions["onPeer"];
	/** What another open of the same name passes, for a clone. */
	readonly again: EndpointOptions;
	readonly options: EngineOptions;
}

/** Starts calling `onPeer`, if there is one. */
function watched<SomeEndpoint extends Reporter>(endpoint: SomeEndpoint, { onPeer }: CheckedOptions): SomeEndpoint {
	if (onPeer) endpoint.reportPeers(onPeer);
	return endpoint;
}

function checkAll(
	kind: EndpointKind,
	call: keyof RouteFactory,
	known: readonly string[],
	name: string,
	given: ReceiverOptions,
): CheckedOptions {
	const prefix = checkName(name, given.prefix);
	checkOptionNames(name, `${FACTORIES[kind]}.${call}`, given, known);
	const { onPeer } = given;
	if (onPeer !== undefined) checkFunction(name, "onPeer", onPeer);
	const options = checkOptions(name, kind, given);
	return { prefix, onPeer, again: { prefix, permissions: options.permissions || undefined }, options };
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
	name: string,
	checked: CheckedOptions,
	reopen?: () => Sender,
): Sender {
	warnOfOtherKind(engine, kind, checked.prefix, name);
	const loop = eventLoopOf(engine);
	const sending = new WaitQueue(loop, native, WaitBits.space);
	const handle = (shared: SharedSender): SenderEndpoint =>
		new SenderEndpoint(name, describe(kind, checked.prefix, name), shared, (same) => reopen?.() ?? handle(same));
	return watched(handle({ engine: native, loop, sending, handles: 0, batching: false }), checked);
}

function createFactory<SomeReceiver extends Receiver>(
	engine: () => Engine,
	kind: EndpointKind,
	NewReceiver: NewReceiver<SomeReceiver>,
): EndpointFactory<SomeReceiver> {
	function openSender(name: string, options: EndpointOptions): Sender {
		const checked = checkAll(kind, "sender", optionNames.sender, name, options);
		const native = engine().openSender(kind, checked.prefix, name, checked.options);
		return senderOf(engine(), native, kind, name, checked, () => openSender(name, checked.again));
	}

	function openReceiver(name: string, options: ReceiverOptions): SomeReceiver {
		const checked = checkAll(kind, "receiver", optionNames.receiver, name, options);
		const native = engine().openReceiver(kind, checked.prefix, name, checked.options);
		warnOfOtherKind(engine(), kind, checked.prefix, name);
		const reopen = (): SomeReceiver => openReceiver(name, checked.again);
		const endpoint = describe(kind, checked.prefix, name);
		return watched(new NewReceiver(name, endpoint, native, eventLoopOf(engine()), reopen), checked);
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
		const checked = checkAll("route", call, known, name, options);
		const { prefix } = checked;
		const endpoint = describe("route", prefix, name);
		const to = { engine: engine(), prefix, name, endpoint, options: checked.options, wait };
		return { to, finish: (native: EngineSender) => senderOf(to.engine, native, "route", name, checked) };
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
