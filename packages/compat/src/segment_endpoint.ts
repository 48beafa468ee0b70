import { closeAtExit } from "@libipc/core/api";
import type { OpenSegment } from "./sab/open_segment.ts";

/**
 * Makes an endpoint that leaves when it is closed, when the thread exits, or when it was collected. Collected, it cannot do so
 * itself: another one is then made in its place, for all that it holds is in the segment, and that one is closed.
 */
export function endpointOf<Endpoint extends { close(): void }>(
	opened: OpenSegment,
	make: (opened: OpenSegment, leave: () => void) => Endpoint,
): Endpoint {
	let isClosed = false;
	const leave = (): void => {
		isClosed = true;
		free();
	};
	const endpoint = make(opened, leave);
	const free = closeAtExit(endpoint, () => {
		if (!isClosed) make(opened, () => {}).close();
		opened.leave();
	});
	return endpoint;
}
