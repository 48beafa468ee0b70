import { createNativeEngine } from "@libipc/core/api";
import type { Engine } from "@libipc/protocol";
import { otherQueueOptions } from "../ring/letters.ts";
import { abandonReceiver, SegmentReceiver } from "../ring/receiver.ts";
import { abandonSender, SegmentSender } from "../ring/sender.ts";
import { endpointOf, type OpenSegment } from "../segment_endpoint.ts";
import { whyNoAddons } from "./addon.ts";
import { library } from "./library.ts";
import { openReceiverView, openSenderView, openSuccessorView } from "./open_binding_view.ts";
import { openWaker } from "./waker.ts";

export { library, openWaker, whyNoAddons };

const senderOf = (opened: OpenSegment): SegmentSender =>
	endpointOf(
		opened,
		({ segment, at, instance }, leave) => new SegmentSender(segment, at, instance, leave),
		({ segment, instance }) => abandonSender(segment, instance),
	);

/**
 * Messages between processes. The ring code that works between threads also moves the bytes here, in the memory that the C library
 * has mapped, about as fast as C does (docs/performance.md). C does everything else.
 */
export const nativeEngine: Engine = {
	...createNativeEngine(library, openWaker),
	now: () => Number(process.hrtime.bigint()),
	openSender: (...name) => senderOf(openSenderView(library(), ...name)),
	openSuccessor: (...name) => senderOf(openSuccessorView(library(), "route", ...name)),
	openReceiver: (kind, prefix, name, options) =>
		endpointOf(
			openReceiverView(library(), kind, prefix, name, options),
			({ segment, at, instance }, leave) =>
				new SegmentReceiver(segment, at, instance, options.fromOldest, leave, {
					name,
					open: (other, ...how) =>
						openSenderView(library(), "queue", prefix, other, otherQueueOptions(options, ...how)),
				}),
			abandonReceiver,
		),
};
