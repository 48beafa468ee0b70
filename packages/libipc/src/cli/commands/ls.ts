import type { ListedName } from "libipc";
import { defineCommand } from "../command.ts";
import { Exit } from "../exit.ts";
import { wordOption } from "../flags.ts";
import { bytes, percent, printable, whole } from "../format.ts";
import type { Output } from "../output.ts";
import { kindFlag, selectNames } from "../select_names.ts";
import { endpointsText, hasRing, slowest, stateText } from "../summary.ts";

const orders = ["name", "size", "lag", "messages"] as const;

const largestFirst = (figure: (name: ListedName) => number) => (a: ListedName, b: ListedName) => figure(b) - figure(a);

/** `list` has sorted by prefix, name and kind. */
function sorted(names: ListedName[], order: (typeof orders)[number]): ListedName[] {
	if (order === "size") return names.sort(largestFirst(({ byteLength }) => byteLength));
	if (order === "lag") return names.sort(largestFirst(slowest));
	if (order === "messages") return names.sort(largestFirst(({ messages }) => messages));
	return names;
}

function lagText(name: ListedName): string {
	if (!hasRing(name)) return "";
	const lag = slowest(name);
	return lag === 0 ? "0" : `${bytes(lag)} (${percent(lag, name.capacity)})`;
}

function printTable(names: readonly ListedName[], output: Output): void {
	const withPrefix = names.some(({ prefix }) => prefix !== "");
	output.table(
		[
			...(withPrefix ? [{ head: "PREFIX" }] : []),
			{ head: "NAME" },
			{ head: "KIND" },
			{ head: "STATE" },
			{ head: "SIZE", align: "right" },
			{ head: "ENDPOINTS" },
			{ head: "LAG", align: "right" },
			{ head: "MESSAGES", align: "right" },
		],
		names.map((name) => [
			...(withPrefix ? [printable(name.prefix)] : []),
			printable(name.name === "" ? name.path : name.name),
			name.kind,
			output.styled(name.state === "live" ? "green" : "yellow", stateText(name)),
			name.state === "denied" ? "" : bytes(name.byteLength),
			endpointsText(name),
			lagText(name),
			hasRing(name) ? whole(name.messages) : "",
		]),
	);
}

export const ls = defineCommand({
	name: "ls",
	summary: "Lists the names, their states, and how far the slowest receiver is behind",
	parameters: { usage: "[NAME…]", least: 0, most: Number.POSITIVE_INFINITY, completes: "names" },
	flags: {
		kind: kindFlag,
		sort: wordOption("KEY", orders, {
			description: `The order: ${orders.join(", ")}. Without it: prefix, name and kind. Figures: the largest first`,
			short: "s",
		}),
		quiet: { description: "Prints only the names, one on each line", short: "q" },
	},
	description: [
		"Lists the names in use on this machine, without a change to them: it takes no lock and no process waits for it. With NAME, lists only these. A NAME may have * (any letters) and ? (one letter); quote it.",
		"STATE is live (a process has it open), leftover (its processes were killed), kept (a latest value that stays without a process), unfinished (it is being created, or its creator was killed), other version (created by a libipc with another layout), damaged, foreign (not a file of libipc), or other user's (this user may not read it).",
		"ENDPOINTS counts senders and receivers, or handles of locks and memory; +N dead are those whose death no other endpoint has noticed yet. LAG is what the slowest receiver has not read, in bytes and of the capacity; of a queue, what waits to be taken. MESSAGES is how many were sent since the name was created.",
	],
	exits: { [Exit.notFound]: "one of the given names does not exist. Without names, an empty list is no failure" },
	examples: [
		["libipc ls", "all names"],
		["libipc ls --prefix shop --sort lag", "the names of one program, the slowest receivers first"],
		["libipc ls --json 'price*'", "for programs: an array of what list() returns"],
	],
	run({ parameters, flags, output }) {
		const names = sorted(
			selectNames({ names: parameters, prefix: flags.prefix, kind: flags.kind }),
			flags.sort ?? "name",
		);
		if (output.isJson) output.value(names);
		else if (flags.quiet) for (const { name } of names) output.line(printable(name));
		else if (names.length === 0) output.note("No process uses a name of libipc here.");
		else printTable(names, output);
		return Exit.fine;
	},
});
