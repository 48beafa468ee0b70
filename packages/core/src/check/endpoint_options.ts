import { abi, type EndpointKind, type EngineOptions, limits, overflows } from "@libipc/protocol";
import type { QueueReceiverOptions } from "../endpoint/types.ts";
import { checkInteger, invalid, show } from "./argument.ts";
import { checkText } from "./name.ts";
import { checkPermissions } from "./permissions.ts";

/** Checks the options of an endpoint and converts them to those of an engine. */
export function checkOptions(
	endpoint: string,
	kind: EndpointKind,
	options: QueueReceiverOptions & { firstPosition?: number },
	codec: string,
): EngineOptions {
	const { minCapacity, maxCapacity } = limits;
	const { capacity, firstPosition } = options;
	if (
		capacity !== undefined &&
		!(Number.isInteger(capacity) && capacity >= minCapacity && capacity <= maxCapacity && Math.log2(capacity) % 1 === 0)
	)
		throw invalid(
			endpoint,
			`capacity must be a power of two from ${minCapacity} (4 KiB) to ${maxCapacity} (1 GiB) bytes, not ${show(capacity)}${suggestCapacity(capacity)}.`,
		);
	return {
		capacity: capacity ?? 0,
		maxReceivers: checkInteger(endpoint, "maxReceivers", options.maxReceivers, 1, limits.maxReceivers),
		permissions: checkPermissions(endpoint, options.permissions),
		overflow: checkOverflow(endpoint, kind, options.overflow),
		fromOldest: checkFrom(endpoint, options.from),
		lossy: checkLossy(endpoint, options.lossy),
		firstPosition: checkInteger(endpoint, "firstPosition", firstPosition, 0, 0xffffffff),
		codec,
		stamp: checkStamp(endpoint, options.stamp),
		...checkDeadLetter(endpoint, options),
	};
}

/** Checks where messages go that fail too often. */
function checkDeadLetter(
	endpoint: string,
	{ deadLetter, maxAttempts }: QueueReceiverOptions,
): Pick<EngineOptions, "deadLetter" | "maxAttempts"> {
	const limit = checkInteger(endpoint, "maxAttempts", maxAttempts, 1, limits.maxAttempts);
	if (deadLetter === undefined) {
		if (limit === 0) return {};
		throw invalid(
			endpoint,
			'maxAttempts needs deadLetter, the name of the queue for messages that fail too often, such as { maxAttempts: 5, deadLetter: "jobs.dead" }. Otherwise they would be lost.',
		);
	}
	checkText("name", deadLetter, limits.nameBytes);
	if (deadLetter === endpoint)
		throw invalid(endpoint, `deadLetter must be the name of another queue, not ${show(deadLetter)}, this one.`);
	return { deadLetter, maxAttempts: limit };
}

function checkOverflow(endpoint: string, kind: EndpointKind, overflow: unknown): number {
	if (overflow === undefined) return 0;
	const index = (overflows as readonly unknown[]).indexOf(overflow);
	if (index < 0)
		throw invalid(endpoint, `overflow must be "block", "drop-newest" or "drop-oldest", not ${show(overflow)}.`);
	if (kind === "queue" && overflow === "drop-oldest")
		throw invalid(
			endpoint,
			'A queue cannot drop its oldest messages, because a receiver may be working on them. Use "block" or "drop-newest".',
		);
	return index + 1;
}

function checkLossy(endpoint: string, lossy: unknown): boolean {
	if (lossy === undefined || typeof lossy === "boolean") return lossy === true;
	throw invalid(endpoint, `lossy must be a boolean, not ${show(lossy)}.`);
}

function checkStamp(endpoint: string, stamp: unknown): number {
	const { none, all, any } = abi.StampOption;
	if (stamp === undefined) return any;
	if (typeof stamp === "boolean") return stamp ? all : none;
	throw invalid(endpoint, `stamp must be a boolean, not ${show(stamp)}.`);
}

function checkFrom(endpoint: string, from: unknown): boolean {
	if (from === undefined || from === "newest" || from === "oldest") return from === "oldest";
	throw invalid(endpoint, `from must be "newest" or "oldest", not ${show(from)}.`);
}

function suggestCapacity(capacity: unknown): string {
	if (typeof capacity !== "number" || !(capacity > 0) || capacity > limits.maxCapacity) return "";
	return `; the next one up is ${Math.max(limits.minCapacity, 2 ** Math.ceil(Math.log2(capacity)))}`;
}

/**
 * Checks how long an open waits for the sender of a route, in milliseconds. Returns whole milliseconds, rounded up; negative for no
 * limit.
 */
export function checkWait(endpoint: string, wait: unknown, byDefault: number): number {
	if (wait === undefined) return byDefault;
	if (typeof wait !== "number" || !(wait >= 0))
		throw invalid(
			endpoint,
			`wait must be a number of milliseconds, 0 (do not wait) or more; Infinity waits without a limit. It was ${show(wait)}.`,
		);
	return wait > 0x7fffffff ? -1 : Math.ceil(wait);
}
