import { setTimeout as sleep } from "node:timers/promises";
import type { ListedEndpoint, ListedName } from "libipc";
import { defineCommand } from "../command.ts";
import { Exit } from "../exit.ts";
import { numberOption } from "../flags.ts";
import { bytes, counted, percent, printable, span, whole } from "../format.ts";
import { type Held, HoldWatch } from "../hold_watch.ts";
import type { Output } from "../output.ts";
import { processName } from "../process_name.ts";
import { kindFlag, selectNames, titleOf } from "../select_names.ts";
import { hasRing, isReadable, slowest, stateText } from "../summary.ts";
import type { Column } from "../table.ts";

/** A line of facts: what it is, and its value; `undefined`: it does not concern this name. */
type Fact = readonly [what: string, value: string | undefined];

const octal = (mode: number): string => `0o${mode.toString(8).padStart(3, "0")}`;

const inWork = (messages: number, receivers: number): string =>
	messages === 0 ? "0 messages" : `${counted(messages, "message")}, held by ${counted(receivers, "receiver")}`;

/** The process that has a lock. */
function ownerText({ endpoints }: ListedName): string {
	const owner = endpoints.find(({ exclusive }) => exclusive);
	if (owner === undefined) return "none";
	const program = printable(processName(owner.pid, owner.pidNamespace));
	return `process ${owner.pid}${program === "" ? "" : ` (${program})`}${owner.alive ? "" : ", which has ended"}`;
}

/** How many handles wait, and how long the first of them has been waiting. */
function waitersText({ endpoints }: ListedName): string | undefined {
	const waiters = endpoints.filter(({ sleeping }) => sleeping);
	if (waiters.length === 0) return undefined;
	const longest = Math.max(...waiters.map(({ slept }) => slept));
	return `${counted(waiters.length, "handle")}, the longest for ${span(longest / 1000)}`;
}

function ringFacts(name: ListedName): Fact[] {
	if (!hasRing(name)) return [];
	const holders = name.endpoints.filter(({ role, holds }) => role === "receiver" && holds > 0);
	const held = holders.reduce((sum, { holds }) => sum + holds, 0);
	const limit = name.maxAttempts > 0 ? `, after ${whole(name.maxAttempts)} attempts` : "";
	return [
		["ring", `${bytes(name.capacity)}, if it is full: ${name.overflow}`],
		["receivers", `at most ${whole(name.maxReceivers)}`],
		["codec", name.codec === "" ? "none: messages are bytes" : printable(name.codec)],
		["stamps", name.stamped ? "yes" : "no"],
		["dead letters", name.deadLetter === "" ? undefined : `to the queue "${printable(name.deadLetter)}"${limit}`],
		["messages", `${whole(name.messages)} (${bytes(name.written)} of records)`],
		["waiting", name.kind === "queue" ? `${bytes(name.waiting)} (${percent(name.waiting, name.capacity)})` : undefined],
		["in work", name.kind === "queue" ? inWork(held, holders.length) : undefined],
		[
			"slowest",
			name.kind === "queue" ? undefined : `${bytes(slowest(name))} behind (${percent(slowest(name), name.capacity)})`,
		],
	];
}

function handleFacts(name: ListedName): Fact[] {
	if (hasRing(name)) return [];
	const isSemaphore = name.kind === "semaphore";
	const { permits, initial } = name;
	const isLock = name.kind === "mutex" || name.kind === "rwlock" || name.kind === "latest";
	return [
		["handles", `at most ${whole(name.maxReceivers)}`],
		[name.kind === "rwlock" ? "writer" : "owner", isLock ? ownerText(name) : undefined],
		["waiting", waitersText(name)],
		["shared memory", name.kind === "memory" ? bytes(name.capacity) : undefined],
		["permits", isSemaphore ? `${whole(permits)} free, ${whole(initial)} at first` : undefined],
		["robust", isSemaphore ? (name.robust ? `yes, ${whole(name.recovered)} came back` : "no") : undefined],
		["unusable", name.unusable ? "yes: an owner died, and the next one gave the lock up" : undefined],
	];
}

function factsOf(name: ListedName): Fact[] {
	const known = isReadable(name);
	return [
		["state", stateText(name)],
		["file", printable(name.path)],
		["memory", name.state === "denied" ? undefined : bytes(name.byteLength)],
		["layout", name.layoutVersion === 0 ? undefined : `version ${name.layoutVersion}`],
		["created", known ? `${span(name.age / 1000)} ago` : undefined],
		["permissions", known ? octal(name.permissions) : undefined],
		...(known ? [...ringFacts(name), ...handleFacts(name)] : []),
		["wakeups", known ? whole(name.wakeups) : undefined],
	];
}

const roleOf = ({ role, observer }: ListedEndpoint): string => (observer && role === "receiver" ? "observer" : role);

function stateOf({ alive, sleeping, slept }: ListedEndpoint): string {
	if (!alive) return "dead";
	return sleeping ? `asleep ${span(slept / 1000)}` : "awake";
}

function holdText({ kind }: ListedName, { holds, exclusive }: ListedEndpoint): string {
	if (holds === 0) return "";
	if (kind === "queue") return counted(holds, "message");
	if (exclusive) return "locked";
	if (kind === "semaphore") return `${whole(holds)} permits`;
	return kind === "signal" ? `${whole(holds)} pending` : `shared ${whole(holds)}×`;
}

type EndpointColumn = Column & { readonly of: (endpoint: ListedEndpoint) => string };

/** A figure of one side; `""` for the other. */
const figure = (head: string, of: (endpoint: ListedEndpoint) => string): EndpointColumn => ({
	head,
	align: "right",
	of,
});

function ringColumns(name: ListedName): EndpointColumn[] {
	const position = figure("POSITION", (endpoint) => whole(endpoint.position));
	const refuses = name.overflow === "drop-newest";
	const lost = figure("LOST", (endpoint) => (endpoint.role === "receiver" || refuses ? whole(endpoint.lost) : ""));
	if (name.kind !== "queue")
		return [position, figure("LAG", ({ role, lag }) => (role === "receiver" ? bytes(lag) : "")), lost];
	return [
		position,
		{ head: "HOLDS", of: (endpoint) => holdText(name, endpoint) },
		figure("ATTEMPTS", ({ holds, attempts }) => (holds > 0 ? whole(attempts) : "")),
		figure("OLDEST", ({ holds, lag }) => (holds > 0 ? `${bytes(lag)} back` : "")),
		...(refuses ? [lost] : []),
	];
}

/** How long it has held that: what the looks have shown, and no more. */
function heldText({ since, certain }: Held): string {
	if (since === 0) return "just taken";
	return certain ? `at least ${span(since / 1000)}` : `at each look for ${span(since / 1000)}`;
}

/** The columns of the endpoints, and what each shows of one. */
function columnsOf(name: ListedName, watch: HoldWatch | undefined): EndpointColumn[] {
	return [
		{ head: "ROLE", of: roleOf },
		figure("PID", ({ pid }) => String(pid)),
		{ head: "PROGRAM", of: ({ pid, pidNamespace }) => printable(processName(pid, pidNamespace)) || "?" },
		{ head: "STATE", of: stateOf },
		figure("OPEN FOR", ({ age }) => span(age / 1000)),
		...(hasRing(name)
			? ringColumns(name)
			: [{ head: "HOLDS", of: (endpoint: ListedEndpoint) => holdText(name, endpoint) }]),
		...(watch
			? [
					{
						head: "HELD",
						of(endpoint: ListedEndpoint): string {
							const held = watch.of(name, endpoint);
							return held ? heldText(held) : "";
						},
					},
				]
			: []),
	];
}

function print(name: ListedName, watch: HoldWatch | undefined, output: Output): void {
	output.line(output.styled("bold", titleOf(name)));
	for (const [what, value] of factsOf(name)) if (value !== undefined) output.line(`  ${what.padEnd(14)}${value}`);
	if (name.endpoints.length === 0) return;
	const columns = columnsOf(name, watch);
	output.line();
	output.table(
		columns.map(({ head, ...column }, index) => ({ ...column, head: index === 0 ? `  ${head}` : head })),
		name.endpoints.map((endpoint) =>
			columns.map(({ of }, index) => (index === 0 ? `  ${of(endpoint)}` : of(endpoint))),
		),
	);
}

/** How often `--watch` looks, and at least and at most so many milliseconds apart. */
const LOOKS = 20;
const SHORTEST = 10;
const LONGEST = 250;

/** Looks again and again for so many seconds. Returns the names as they were at the last look. */
async function watchHolds(look: () => ListedName[], seconds: number, watch: HoldWatch): Promise<ListedName[]> {
	let end = Number.POSITIVE_INFINITY;
	const pause = Math.min(Math.max((seconds * 1000) / LOOKS, SHORTEST), LONGEST);
	for (;;) {
		const began = performance.now();
		const names = look();
		const ended = performance.now();
		watch.look(names, began, ended);
		if (began >= end) return names;
		if (end === Number.POSITIVE_INFINITY) end = ended + seconds * 1000;
		await sleep(Math.min(pause, Math.max(1, end - ended)));
	}
}

export const stat = defineCommand({
	name: "stat",
	summary: "Shows all about a name: its options, and each endpoint with its process",
	parameters: { usage: "NAME…", least: 1, most: Number.POSITIVE_INFINITY, completes: "names" },
	flags: {
		kind: kindFlag,
		watch: numberOption("S", 0.05, {
			description: "Looks again and again for so many seconds, and shows how long locks and messages are held (HELD)",
			short: "w",
		}),
	},
	description: [
		"Shows the options of a name, its memory and its age, and of each sender, receiver or handle: the process and its program, whether it sleeps and since when, its position, how far it is behind (LAG), how many messages it has missed, or as a sender with drop-newest refused (LOST), and what it holds: locks, permits, and messages of a queue (HOLDS), with the most attempts among these (ATTEMPTS) and how many bytes were written since the oldest of them was sent (OLDEST). It takes no lock, and changes nothing. If a name exists with several kinds or prefixes, all of them are shown.",
		"A receiver publishes its position at times, at least every eighth of the ring: LAG may be more than the truth by so much, never less. PROGRAM is ? for a process that has ended or is in another PID namespace.",
		'Shared memory does not record since when a lock, a permit or a message is held, nor the owner of a permit of a semaphore that is not robust: that would make each lock and each receive slower. How long others wait for a lock is shown (waiting, asleep). With --watch S, stat looks about 20 times in S seconds. HELD is then "at least" a time for one message of a queue, which is certain. For locks, and for several messages, it is "at each look for" a time: the holder may have given it back and taken it again between two looks.',
	],
	exits: { [Exit.notFound]: "one of the names does not exist" },
	examples: [
		["libipc stat prices", "all about a name"],
		["libipc stat --watch 1 state", "whether one process has the lock all the time"],
		["libipc stat --json --prefix shop 'job*'", "for programs: what list() returns, and the program of each endpoint"],
	],
	async run({ parameters, flags, output }) {
		const look = () => selectNames({ names: parameters, prefix: flags.prefix, kind: flags.kind });
		const watch = flags.watch === undefined ? undefined : new HoldWatch();
		const names = watch ? await watchHolds(look, flags.watch ?? 0, watch) : look();
		if (output.isJson)
			output.value(
				names.map((name) => ({
					...name,
					endpoints: name.endpoints.map((endpoint) => ({
						...endpoint,
						program: processName(endpoint.pid, endpoint.pidNamespace),
						...(watch && { held: watch.of(name, endpoint) ?? null }),
					})),
				})),
			);
		else
			for (const [index, name] of names.entries()) {
				if (index > 0) output.line();
				print(name, watch, output);
			}
		return Exit.fine;
	},
});
