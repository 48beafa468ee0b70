import { createNativeEngine } from "@libipc/core/api";
import type { Engine } from "@libipc/protocol";
import { SegmentReceiver } from "../ring/receiver.ts";
import { SegmentSender } from "../ring/sender.ts";
import { endpointOf } from "../segment_endpoint.ts";
import { library } from "./library.ts";
import { openReceiverView, openSenderView } from "./open_binding_view.ts";
import { openWaker } from "./waker.ts";

export { library, openWaker };

/**
 * Messages between processes. A call through node:ffi costs more than a message, so the bytes of rings are moved here, in
 * the memory that the C library has mapped, by what moves them between threads (docs/performance.md). All else is C's.
 */
export const nativeEngine: Engine = {
	...createNativeEngine(library, openWaker),
	now: () => Number(process.hrtime.bigint()),
	openSender: (...name) =>
		endpointOf(
			openSenderView(library(), ...name),
			({ segment, at, instance }, leave) => new SegmentSender(segment, at, instance, leave),
		),
	openReceiver: (kind, prefix, name, options) =>
		endpointOf(
			openReceiverView(library(), kind, prefix, name, options),
			({ segment, at, instance }, leave) => new SegmentReceiver(segment, at, instance, options.fromOldest, leave),
		),
};
