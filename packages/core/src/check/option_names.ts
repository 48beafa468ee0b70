import { IpcError } from "@libipc/protocol";

const ENDPOINT = [
	"prefix",
	"capacity",
	"maxReceivers",
	"overflow",
	"permissions",
	"onPeer",
	"codec",
	"schema",
	"stamp",
] as const;
const HANDLE = ["prefix", "permissions", "maxHandles"] as const;
const SERVICE = ["prefix", "permissions", "codec", "capacity"] as const;

/** `firstPosition` is for tests only: the position of the first record in a new ring. */
const HIDDEN = "firstPosition";

/** The names of the options of each group of calls. */
export const optionNames = {
	sender: [...ENDPOINT, HIDDEN],
	receiver: [...ENDPOINT, "from", "lossy", "onInvalid", HIDDEN],
	queueReceiver: [...ENDPOINT, "from", "onInvalid", "deadLetter", "maxAttempts", "prefetch", HIDDEN],
	retry: ["delay"],
	routeSender: [...ENDPOINT, "wait", HIDDEN],
	routeSenderAsync: [...ENDPOINT, "wait", "signal", HIDDEN],
	handle: HANDLE,
	semaphore: [...HANDLE, "initial", "robust"],
	sharedMemory: [...HANDLE, "size", "mode"],
	signal: [...HANDLE, "listen"],
	latest: [...HANDLE, "maxLength", "keep", "codec", "schema"],
	latestWait: ["timeout", "signal", "since"],
	clear: ["prefix"],
	list: ["prefix"],
	clearLeftovers: ["prefix", "all", "filter"],
	web: ["prefix", "permissions", "capacity", "maxPending", "library"],
	wait: ["timeout"],
	asyncWait: ["timeout", "signal"],
	nameWait: ["prefix", "timeout"],
	nameWaitAsync: ["prefix", "timeout", "signal"],
	iteration: ["signal"],
	drain: ["max", "timeout"],
	serve: [...SERVICE, "methods", "concurrency", "stacks", "onError"],
	connect: [...SERVICE, "methods", "waitForServer", "timeout", "streamBuffer", "replyCapacity"],
	defineService: [...SERVICE, "methods"],
	serverMethod: ["args", "idempotent", "concurrency"],
	clientMethod: ["result", "idempotent"],
	definedMethod: ["args", "result", "idempotent", "concurrency"],
	listen: ["leases", "onError", "signal"],
	readableStream: ["close", "highWaterMark"],
	writableStream: ["close", "highWaterMark"],
} as const satisfies Record<string, readonly string[]>;

/** Which calls have an option, for a message about a call that does not have it. */
const OWNERS: Readonly<Record<string, string>> = {
	capacity: "Route, Channel and Queue",
	maxReceivers: "Route, Channel and Queue",
	overflow: "Route, Channel and Queue",
	onPeer: "Route, Channel and Queue",
	codec: "Route, Channel, Queue and Latest",
	schema: "Route, Channel, Queue and Latest",
	stamp: "Route, Channel and Queue",
	onInvalid: "receivers",
	from: "receivers",
	deadLetter: "Queue.receiver",
	maxAttempts: "Queue.receiver",
	prefetch: "Queue.receiver",
	delay: "Lease.retry",
	lossy: "Route.receiver and Channel.receiver",
	wait: "Route.sender and Route.senderAsync",
	maxHandles: "locks, semaphores, conditions, Signals, shared memory and latest values",
	initial: "Semaphore.open",
	robust: "Semaphore.open",
	size: "SharedMemory.open",
	mode: "SharedMemory.open",
	listen: "Signal.open",
	maxLength: "Latest.open",
	keep: "Latest.open",
	since: "wait and waitAsync of a latest value",
	permissions: "calls that open a name",
	prefix: "calls that take a name, of list and of clear",
	timeout: "calls that wait",
	signal: "asynchronous calls",
	max: "drain and drainBatch",
	all: "clear() of leftovers",
	filter: "clear() of leftovers",
};

/** How many characters must be inserted, removed or replaced to turn one word into the other. */
function distanceBetween(a: string, b: string): number {
	let row = Array.from({ length: b.length + 1 }, (_, column) => column);
	for (let i = 1; i <= a.length; i++) {
		const next = [i];
		for (let j = 1; j <= b.length; j++) {
			const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
			next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1));
		}
		row = next;
	}
	return row[b.length] as number;
}

/** The known name that an unknown one is probably a misspelling of. */
function nearest(name: string, known: readonly string[]): string | undefined {
	if (name.length > 40) return undefined;
	let best: string | undefined;
	let bestDistance = Infinity;
	for (const each of known) {
		const distance = distanceBetween(name.toLowerCase(), each.toLowerCase());
		if (distance < bestDistance && distance <= each.length / 3) {
			best = each;
			bestDistance = distance;
		}
	}
	return best;
}

function unknownOption(endpoint: string, call: string, name: string, known: readonly string[]): IpcError {
	const owner = Object.hasOwn(OWNERS, name) ? OWNERS[name] : undefined;
	const public_ = known.filter((each) => each !== HIDDEN);
	const meant = nearest(name, public_);
	const shown = name.length > 40 ? `${name.slice(0, 40)}…` : name;
	const all = public_.length === 1 ? `Its only option is ${public_[0]}.` : `Its options are ${public_.join(", ")}.`;
	return new IpcError(
		"ERR_IPC_INVALID_ARGUMENT",
		endpoint,
		owner !== undefined
			? `${name} is an option of ${owner} only, not of ${call}. ${all}`
			: `${JSON.stringify(shown)} is not an option of ${call}.${meant === undefined ? "" : ` Did you mean ${meant}?`} ${all}`,
	);
}

/**
 * Refuses an options object with an option that the call does not have: it would be ignored without a word. An option whose
 * value is undefined counts as left out. What a program has added to all objects is no option of a call.
 *
 * @param call - How the message names the call, for example `Channel.sender`.
 */
export function checkOptionNames(
	endpoint: string,
	call: string,
	options: object | undefined,
	known: readonly string[],
): void {
	for (const name in options)
		if (
			!known.includes(name) &&
			(Object.hasOwn(options as object, name) || !(name in Object.prototype)) &&
			(options as Readonly<Record<string, unknown>>)[name] !== undefined
		)
			throw unknownOption(endpoint, call, name, known);
}
