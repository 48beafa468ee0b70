import { closeAtExit } from "@libipc/core/api";
import type { Segment } from "./segment/segment.ts";

/** A slot on the segment of a name. */
export interface OpenSegment {
	readonly segment: Segment;
	/** The first word of the slot. */
	readonly at: number;
	readonly instance: number;
	/** Gives the slot up, and the memory if it was the last slot. To be called once. */
	readonly leave: () => void;
}

function makeOrLeave<Endpoint>(
	opened: OpenSegment,
	make: (opened: OpenSegment, leave: () => void) => Endpoint,
	leave: () => void,
): Endpoint {
	try {
		return make(opened, leave);
	} catch (error) {
		opened.leave();
		throw error;
	}
}

/**
 * Makes an endpoint that gives its slot up when it is closed, when the thread exits, or when it is collected.
 *
 * A collected endpoint cannot close itself. `abandon` then gives back what the segment says that it holds, before the slot is
 * given up. It gets `opened` and not the endpoint, because a reference to the endpoint would keep it from being collected.
 */
export function endpointOf<Endpoint extends { close(): void }>(
	opened: OpenSegment,
	make: (opened: OpenSegment, leave: () => void) => Endpoint,
	abandon: (opened: OpenSegment) => void,
): Endpoint {
	let isClosed = false;
	const leave = (): void => {
		isClosed = true;
		free();
	};
	const endpoint = makeOrLeave(opened, make, leave);
	const free = closeAtExit(endpoint, () => {
		if (!isClosed) abandon(opened);
		opened.leave();
	});
	return endpoint;
}
