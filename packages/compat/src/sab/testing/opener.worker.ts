/** Opens and closes names all the time, until it is terminated: whichever of all kinds, with others that do the same. */
import { workerData } from "node:worker_threads";
import type { EndpointKind, HandleKind } from "@libipc/protocol";
import type { OpenSegment } from "../../segment_endpoint.ts";
import { clearSegment, openAsHandle, openAsReceiver, openAsSender } from "../open_segment.ts";
import { threads } from "../threads.ts";
import { noOptions } from "./pretend.ts";

/** `count[0]`: how often this thread has opened something. */
const { seed, count } = workerData as { readonly seed: number; readonly count: Int32Array };

let state = seed;
function random(below: number): number {
	state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
	return Math.floor((state / 2 ** 32) * below);
}

const here = threads();
const KINDS = ["channel", "queue", "mutex", "rwlock", "memory"] as const;
const options = { ...noOptions, maxReceivers: 8 };

function open(kind: (typeof KINDS)[number], name: string): OpenSegment {
	if (kind === "memory") return openAsHandle(here, kind, "", name, { ...options, size: 1 + random(100_000) });
	if (kind === "mutex" || kind === "rwlock") return openAsHandle(here, kind satisfies HandleKind, "", name, options);
	const ring = { ...options, capacity: 4096 };
	if (random(2) === 0) return openAsSender(here, kind satisfies EndpointKind, "", name, ring);
	return openAsReceiver(here, kind satisfies EndpointKind, "", name, ring, false);
}

for (;;) {
	const kind = KINDS[random(KINDS.length)] as (typeof KINDS)[number];
	const name = `name ${random(3)}`;
	try {
		const opened = [open(kind, name)];
		if (random(3) === 0) opened.push(open(kind, name));
		if (random(20) === 0) clearSegment(here, kind, "", name);
		for (const { leave } of opened) leave();
	} catch (error) {
		// Errors such as memory that is too small are expected: the test checks which threads wait, and what is left.
		if (!["ERR_IPC_OPTIONS_MISMATCH", "ERR_IPC_TOO_MANY_HANDLES"].includes((error as { code: string }).code))
			throw error;
	}
	Atomics.add(count, 0, 1);
	Atomics.notify(count, 0);
}
