import type { ListedEndpoint, ListedName } from "libipc";
import { defineCommand } from "../command.ts";
import { Exit } from "../exit.ts";
import { bytes, percent, printable, span, whole } from "../format.ts";
import type { Output } from "../output.ts";
import { processName } from "../process_name.ts";
import { kindFlag, selectNames, titleOf } from "../select_names.ts";
import { hasRing, isReadable, slowest, stateText } from "../summary.ts";
import type { Column } from "../table.ts";

/** A line of facts: what it is, and its value; `undefined`: it does not concern this name. */
type Fact = readonly [what: string, value: string | undefined];

const octal = (mode: number): string => `0o${mode.toString(8).padStart(3, "0")}`;

function ringFacts(name: ListedName): Fact[] {
	if (!hasRing(name)) return [];
	const limit = name.maxAttempts > 0 ? `, after ${whole(name.maxAttempts)} attempts` : "";
	return [
		["ring", `${bytes(name.capacity)}, if it is full: ${name.overflow}`],
		["receivers", `at most ${whole(name.maxReceivers)}`],
		["codec", name.codec === "" ? "none: messages are bytes" : printable(name.codec)],
		["stamps", name.stamped ? "yes" : "no"],
		["dead letters", name.deadLetter === "" ? undefined : `to the queue "${printable(name.deadLetter)}"${limit}`],
		["messages", `${whole(name.messages)} (${bytes(name.written)} of records)`],
		["waiting", name.kind === "queue" ? `${bytes(name.waiting)} (${percent(name.waiting, name.capacity)})` : undefined],
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
	return [
		["handles", `at most ${whole(name.maxReceivers)}`],
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
	if (exclusive) return "locked";
	if (kind === "semaphore") return `${whole(holds)} permits`;
	return kind === "signal" ? `${whole(holds)} pending` : `shared ${whole(holds)}×`;
}

/** The columns of the endpoints, and what each shows of one. */
function columnsOf(name: ListedName): (Column & { readonly of: (endpoint: ListedEndpoint) => string })[] {
	const ring = hasRing(name);
	return [
		{ head: "ROLE", of: roleOf },
		{ head: "PID", align: "right", of: ({ pid }) => String(pid) },
		{ head: "PROGRAM", of: ({ pid, pidNamespace }) => printable(processName(pid, pidNamespace)) || "?" },
		{ head: "STATE", of: stateOf },
		{ head: "OPEN FOR", align: "right", of: ({ age }) => span(age / 1000) },
		...(ring
			? [
					{ head: "POSITION", align: "right" as const, of: ({ position }: ListedEndpoint) => whole(position) },
					{
						head: "LAG",
						align: "right" as const,
						of: ({ role, lag }: ListedEndpoint) => (role === "receiver" && name.kind !== "queue" ? bytes(lag) : ""),
					},
					{
						head: "LOST",
						align: "right" as const,
						of: ({ role, lost }: ListedEndpoint) => (role === "receiver" ? whole(lost) : ""),
					},
				]
			: [{ head: "HOLDS", of: (endpoint: ListedEndpoint) => holdText(name, endpoint) }]),
	];
}

function print(name: ListedName, output: Output): void {
	output.line(output.styled("bold", titleOf(name)));
	for (const [what, value] of factsOf(name)) if (value !== undefined) output.line(`  ${what.padEnd(14)}${value}`);
	if (name.endpoints.length === 0) return;
	const columns = columnsOf(name);
	output.line();
	output.table(
		columns.map(({ head, ...column }, index) => ({ ...column, head: index === 0 ? `  ${head}` : head })),
		name.endpoints.map((endpoint) =>
			columns.map(({ of }, index) => (index === 0 ? `  ${of(endpoint)}` : of(endpoint))),
		),
	);
}

export const stat = defineCommand({
	name: "stat",
	summary: "Shows all about a name: its options, and each endpoint with its process",
	parameters: { usage: "NAME…", least: 1, most: Number.POSITIVE_INFINITY, completes: "names" },
	flags: { kind: kindFlag },
	description: [
		"Shows the options of a name, its memory and its age, and of each sender, receiver or handle: the process and its program, whether it sleeps and since when, its position, how far it is behind (LAG), how many messages it has missed (LOST), and which locks and permits it holds. It takes no lock, and changes nothing. A name that exists with several kinds or prefixes is shown as often.",
		"A receiver publishes its position at times, at least every eighth of the ring: LAG may be more than the truth by so much, never less. PROGRAM is ? for a process that has ended or is in another PID namespace.",
		"What shared memory does not record, so that sending, receiving and locking stay as fast as they are: since when a lock or a permit is held, which messages of a queue a receiver works on and since when, and the owner of a permit of a semaphore that is not robust. How long the others wait for a lock is shown (asleep).",
	],
	exits: { [Exit.notFound]: "one of the names does not exist" },
	examples: [
		["libipc stat prices", "all about a name"],
		["libipc stat --json --prefix shop 'job*'", "for programs: what list() returns, and the program of each endpoint"],
	],
	run({ parameters, flags, output }) {
		const names = selectNames({ names: parameters, prefix: flags.prefix, kind: flags.kind });
		if (output.isJson)
			output.value(
				names.map((name) => ({
					...name,
					endpoints: name.endpoints.map((endpoint) => ({
						...endpoint,
						program: processName(endpoint.pid, endpoint.pidNamespace),
					})),
				})),
			);
		else
			for (const [index, name] of names.entries()) {
				if (index > 0) output.line();
				print(name, output);
			}
		return Exit.fine;
	},
});
