import type { EndpointKind } from "@libipc/protocol";
import {
	type Engine,
	type EngineOptions,
	type EngineReceiver,
	type EngineSender,
	limits,
	WaitBits,
} from "@libipc/protocol";
import { checkFunction, checkInteger, checkOptionsObject, describe, FACTORIES } from "../check/argument.ts";
import { checkSignal } from "../check/call_options.ts";
import { checkOptions, checkWait } from "../check/endpoint_options.ts";
import { checkClear, checkName } from "../check/name.ts";
import { checkOptionNames, optionNames } from "../check/option_names.ts";
import { warnOfOtherKind } from "../check/other_kind.ts";
import { withoutStamps } from "../stamp/stamped_receiver.ts";
import { withStamps } from "../stamp/stamped_sender.ts";
import type { Decoding } from "../value/decoding.ts";
import { type CheckedValueOptions, checkValueOptions } from "../value/value_options.ts";
import { ValueQueueReceiverEndpoint } from "../value/value_queue_receiver.ts";
import { type OnInvalid, ValueReceiverEndpoint } from "../value/value_receiver.ts";
import { ValueSenderEndpoint } from "../value/value_sender.ts";
import { type EventLoop, eventLoopOf } from "../wait/event_loop.ts";
import { WaitQueue } from "../wait/wait_queue.ts";
import { openAfterOther, openAfterOtherAsync } from "./handover.ts";
import { createNameWaits } from "./name_waits.ts";
import { QueueReceiverEndpoint } from "./queue_receiver.ts";
import { ReceiverEndpoint } from "./receiver.ts";
import { SenderEndpoint, type SharedSender } from "./sender.ts";
import type {
	EndpointFactory,
	EndpointOptions,
	QueueReceiver,
	QueueReceiverOptions,
	RouteFactory,
	RouteSenderAsyncOptions,
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
	/** Of a receiver of a queue; 0: no limit. */
	readonly prefetch: number;
	readonly options: EngineOptions;
	/** `undefined`: messages are bytes. */
	readonly values: CheckedValueOptions | undefined;
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
	given: QueueReceiverOptions,
	/** Of a clone: the codec of the original. The clone has the messages as bytes, and is wrapped like the original. */
	codec?: string,
): CheckedOptions {
	const prefix = checkName(name, given.prefix);
	checkOptionNames(name, `${FACTORIES[kind]}.${call}`, given, known);
	const { onPeer } = given;
	if (onPeer !== undefined) checkFunction(name, "onPeer", onPeer);
	const role = call === "receiver" ? call : "sender";
	const values = checkValueOptions({ kind, prefix, name, role }, describe(kind, prefix, name), given);
	const options = checkOptions(name, kind, given, codec ?? values?.codec.id ?? "");
	const prefetch = checkInteger(name, "prefetch", given.prefetch, 1, limits.prefetch);
	const again = { prefix, permissions: options.permissions || undefined };
	return { prefix, onPeer, again, prefetch, options, values };
}

/** The classes of a kind's receivers: of bytes, and of values. */
interface ReceiverClasses<Bytes extends ReceiverEndpoint> {
	readonly ofBytes: new (
		name: string,
		endpoint: string,
		engine: EngineReceiver,
		loop: EventLoop,
		reopen: () => Bytes,
		prefetch: number,
	) => Bytes;
	readonly ofValues: new (bytes: Bytes, decoding: Decoding, onInvalid: OnInvalid | undefined) => Disposable;
}

/** The public sender of an engine's. `reopen` opens another sender of the name, for a clone; a clone of a route's sender shares it. */
function senderOf(
	engine: Engine,
	opened: EngineSender,
	kind: EndpointKind,
	name: string,
	checked: CheckedOptions,
	reopen?: () => SenderEndpoint,
): SenderEndpoint {
	warnOfOtherKind(engine, kind, checked.prefix, name);
	const loop = eventLoopOf(engine);
	const native = withStamps(engine, opened);
	const sending = new WaitQueue(loop, native, WaitBits.space);
	const handle = (shared: SharedSender): SenderEndpoint =>
		new SenderEndpoint(name, describe(kind, checked.prefix, name), shared, (same) => reopen?.() ?? handle(same));
	return watched(handle({ engine: native, loop, sending, handles: 0, batching: false, flushes: 0 }), checked);
}

/** The sender that the caller gets: of values, if there is a codec. */
const asAskedFor = (bytes: SenderEndpoint, endpoint: string, { values }: CheckedOptions): Sender =>
	values ? (new ValueSenderEndpoint(bytes, endpoint, values.codec) as unknown as Sender) : bytes;

function createFactory<Bytes extends ReceiverEndpoint>(
	engine: () => Engine,
	kind: EndpointKind,
	classes: ReceiverClasses<Bytes>,
) {
	const receiverOptionNames = kind === "queue" ? optionNames.queueReceiver : optionNames.receiver;

	function bytesSender(name: string, checked: CheckedOptions): SenderEndpoint {
		const native = engine().openSender(kind, checked.prefix, name, checked.options);
		const { codec } = checked.options;
		return senderOf(engine(), native, kind, name, checked, () =>
			bytesSender(name, checkAll(kind, "sender", optionNames.sender, name, checked.again, codec)),
		);
	}

	function bytesReceiver(name: string, checked: CheckedOptions): Bytes {
		const opened = engine().openReceiver(kind, checked.prefix, name, checked.options);
		const native = withoutStamps(engine(), name, opened);
		warnOfOtherKind(engine(), kind, checked.prefix, name);
		const { codec, lossy } = checked.options;
		const { prefetch } = checked;
		const reopen = (): Bytes => {
			const options = { ...checked.again, lossy: lossy || undefined };
			const again = checkAll(kind, "receiver", receiverOptionNames, name, options, codec);
			return bytesReceiver(name, { ...again, prefetch });
		};
		const endpoint = describe(kind, checked.prefix, name);
		return watched(new classes.ofBytes(name, endpoint, native, eventLoopOf(engine()), reopen, prefetch), checked);
	}

	return {
		sender(name: string, given?: EndpointOptions): Sender {
			const options = checkOptionsObject(name, given, EXAMPLE) ?? {};
			const checked = checkAll(kind, "sender", optionNames.sender, name, options);
			return asAskedFor(bytesSender(name, checked), describe(kind, checked.prefix, name), checked);
		},
		receiver(name: string, given?: QueueReceiverOptions): Bytes | Disposable {
			const options = checkOptionsObject(name, given, EXAMPLE) ?? {};
			const checked = checkAll(kind, "receiver", receiverOptionNames, name, options);
			const bytes = bytesReceiver(name, checked);
			const { values } = checked;
			return values ? new classes.ofValues(bytes, values.decoding, values.onInvalid) : bytes;
		},
		...createNameWaits(engine, kind),
		clear: (name: string, options?: { readonly prefix?: string | undefined }): void =>
			engine().clear(kind, checkClear(FACTORIES[kind], name, options), name),
	};
}

const receivers = { ofBytes: ReceiverEndpoint, ofValues: ValueReceiverEndpoint };
const queueReceivers = { ofBytes: QueueReceiverEndpoint, ofValues: ValueQueueReceiverEndpoint };

/** Makes `Channel` of an API from its engine. */
export function createChannelFactory(engine: () => Engine): EndpointFactory {
	return createFactory(engine, "channel", receivers) as EndpointFactory;
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
		const finish = (native: EngineSender): Sender =>
			asAskedFor(senderOf(to.engine, native, "route", name, checked), endpoint, checked);
		return { to, finish };
	}

	return {
		...createFactory(engine, "route", receivers),
		sender(name: string, given?: RouteSenderOptions): Sender {
			const { to, finish } = prepare(name, given, "sender");
			const { prefix, options, wait } = to;
			return finish(wait === 0 ? to.engine.openSender("route", prefix, name, options) : openAfterOther(to));
		},
		async senderAsync(name: string, given?: RouteSenderAsyncOptions): Promise<Sender> {
			const { to, finish } = prepare(name, given, "senderAsync");
			return finish(await openAfterOtherAsync(to, checkSignal(name, given?.signal)));
		},
	} as RouteFactory;
}

/** Makes `Queue` of an API from its engine. */
export function createQueueFactory(engine: () => Engine): EndpointFactory<QueueReceiver, QueueReceiverOptions> {
	return createFactory(engine, "queue", queueReceivers) as EndpointFactory<QueueReceiver, QueueReceiverOptions>;
}
