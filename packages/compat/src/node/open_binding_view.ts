import {
	type Address,
	mapMemory,
	type NativeLibrary,
	openNativeReceiver,
	openNativeSender,
	openNativeSuccessor,
} from "@libipc/core/api";
import type { EndpointKind, EngineOptions } from "@libipc/protocol";
import { Segment } from "../segment/segment.ts";
import type { OpenSegment } from "../segment_endpoint.ts";
import { SegmentPlatform } from "./segment_platform.ts";

/** Words of `ipc_binding_view` in `native/include/libipc/binding_view.h`. */
const VIEW_WORDS = 8;

function openView(library: NativeLibrary, exportView: (view: Uint32Array) => unknown, close: () => void): OpenSegment {
	const { symbols, address } = library;
	const view = new Uint32Array(VIEW_WORDS);
	const native = address(exportView(view)) as Address;
	const mapping = address(symbols.ipc_segment_hold_mapping(native)) as Address;
	const bytes = mapMemory(library, mapping);
	const [kind = 0, overflow = 0, capacity = 0, maxReceivers = 0, at = 0, instance = 0, low = 0, high = 0] = view;
	const platform = new SegmentPlatform(symbols, native);
	const fields = { kind, overflow, capacity, maxReceivers, initial: 0, robust: false };
	const segment = new Segment(platform, bytes.buffer, bytes.byteOffset, bytes.byteLength, fields);
	segment.joined = BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low));
	const leave = (): void => {
		platform.close();
		close();
	};
	return { segment, at, instance: instance | 0, leave };
}

type Open = (
	library: NativeLibrary,
	kind: EndpointKind,
	prefix: string,
	name: string,
	options: EngineOptions,
) => OpenSegment;

const senderView =
	(open: typeof openNativeSender): Open =>
	(library, ...name) => {
		const { ipc_sender_export, ipc_sender_close } = library.symbols;
		const sender = open(library, ...name);
		return openView(
			library,
			(view) => ipc_sender_export(sender, view),
			() => ipc_sender_close(sender),
		);
	};

/** C opens a name and takes a sender's slot on it. TypeScript does the rest. */
export const openSenderView: Open = senderView(openNativeSender);

/** The same for a sender of a route that may have another one. */
export const openSuccessorView: Open = senderView(openNativeSuccessor);

/** The same for a receiver. */
export const openReceiverView: Open = (library, ...name) => {
	const { ipc_receiver_export, ipc_receiver_close } = library.symbols;
	const receiver = openNativeReceiver(library, ...name);
	return openView(
		library,
		(view) => ipc_receiver_export(receiver, view),
		() => ipc_receiver_close(receiver),
	);
};
