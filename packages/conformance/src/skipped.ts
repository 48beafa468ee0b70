import { canCreateNamespaces } from "@libipc/testing/namespaces";
import { type Instance, instance } from "./instance.ts";

interface Skip {
	/** Why these cases cannot run there. It is printed with their number. */
	readonly reason: string;
	readonly where: (instance: Instance) => boolean;
	/** Titles of cases, or of groups of cases. The titles of groups come first: `group > case`. */
	readonly cases: readonly (string | RegExp)[];
}

const TRANSFERRED = /^bytes of shared memory > a transferred buffer /;

const TRANSFERRED_VIEW =
	"views of the ring > stay readable when their buffer was transferred and the first buffer is collected";

const LOST_NAME =
	/^(the file of a busy |each way to receive notices that the file |locks that are free each time notice )/;

const IN_NAMESPACES = "in namespaces";

/** Every case that does not run on every instance. There is no other way to skip one. */
export const skip: readonly Skip[] = [
	{
		reason: "A signal stops a process, not a thread.",
		where: ({ transport }) => transport === "threads",
		cases: [
			"a stopped receiver is not dead: the sender waits, and nothing is lost",
			"list > a stopped process is alive, also while it sleeps",
			"clear > leaves alone what a stopped process has open",
			/ > a stopped waiter is notified and killed: /,
			/^an observer of a \w+ > that is stopped delays nobody$/,
		],
	},
	{
		reason: "A signal goes to a process, and JavaScript handles it in the main thread.",
		where: ({ transport }) => transport === "threads",
		cases: ["signals during blocking calls", "a process that a signal ends"],
	},
	{
		reason: "The engine between threads has no socket.",
		where: ({ engine }) => engine === "sab",
		cases: ["there is one socket while an endpoint that has waited is open, and none when all of those are closed"],
	},
	{
		reason: "Bun does not report unhandled rejections to a handler in a Worker.",
		where: ({ runtime, transport }) => runtime === "bun" && transport === "threads",
		cases: ["what a callback throws is an unhandled rejection"],
	},
	{
		reason: "The SharedArrayBuffer engine has no files that can be deleted.",
		where: ({ engine }) => engine === "sab",
		cases: [
			/ > ERR_IPC_ORPHANED: for all waits( and calls)? after the file was deleted$/,
			/ > ERR_IPC_ORPHANED: the file is deleted during the wait/,
			"waiting > trySend and tryRecv notice a deleted file, too",
			LOST_NAME,
		],
	},
	{
		reason: "These cases start no test programs: they run once for each engine with files.",
		where: ({ transport, isMixed }) => transport === "threads" || isMixed,
		cases: [LOST_NAME],
	},
	{
		reason: "A SharedArrayBuffer cannot be transferred.",
		where: ({ engine }) => engine === "sab",
		cases: [TRANSFERRED, TRANSFERRED_VIEW],
	},
	{
		reason:
			"In Node all views of a mapping have one buffer, which libipc uses itself, and which cannot be transferred.",
		where: ({ runtime, engine }) => runtime === "node" && engine === "native",
		cases: [TRANSFERRED],
	},
	{
		reason:
			"In Node all views of a mapping have one buffer, which libipc uses itself, and which cannot be transferred.",
		where: ({ programs, engine }) => programs === "node" && engine === "native",
		cases: [TRANSFERRED_VIEW],
	},
	{
		reason:
			"A thread cannot be in other namespaces, use another directory, become another user or be replaced by exec.",
		where: ({ transport }) => transport === "threads",
		cases: [
			IN_NAMESPACES,
			"LIBIPC_DIR names the directory of the names",
			"a process ends",
			"a process is replaced by exec",
			"a process without free descriptors",
		],
	},
	{
		reason: "The buffers of mapped memory cannot be transferred in Deno: it has no release for them.",
		where: ({ programs, engine }) => programs === "deno" && engine === "native",
		cases: [TRANSFERRED, TRANSFERRED_VIEW],
	},
	{
		reason: "Deno cannot replace its program: it has no process.execve.",
		where: ({ programs }) => programs === "deno",
		cases: ["a process is replaced by exec", "in namespaces > the holder is replaced by exec in another PID namespace"],
	},
	{
		reason: "Deno itself ends (it panics) where a process has no free descriptor.",
		where: ({ programs }) => programs === "deno",
		cases: ["a process without free descriptors", "a process ends > and the watcher has no free descriptor"],
	},
	{
		reason: "worker.terminate() of Deno does not end a Worker that is blocked in a call.",
		where: ({ programs }) => programs === "deno",
		cases: ["a Worker that ends leaves no name and no mapping: waits in a call"],
	},
	{
		reason: "Deno does not put the default action of a signal back when its handler is removed.",
		where: ({ programs }) => programs === "deno",
		cases: [/ > SIG\w+: handler removed: /],
	},
	{
		reason: "Deno runs the handler of a signal some turns later: the program blocks again before.",
		where: ({ programs }) => programs === "deno",
		cases: ["signals during blocking calls > a call without a timeout goes on"],
	},
	{
		reason: "Half a second after its start, Deno replaces the handlers of signals: names then stay, as after a kill.",
		where: ({ programs }) => programs === "deno",
		cases: ["a process that a signal ends > programs that end at once leave nothing"],
	},
	{
		reason: "AbortController.abort() of Deno reads the properties of the signal, which the case overrides.",
		where: ({ runtime }) => runtime === "deno",
		cases: ["a signal > with overridden properties is what it is"],
	},
	{
		reason: "Only Bun replaces its program in the same process when a file is saved.",
		where: ({ runtime, transport }) => runtime !== "bun" || transport === "threads",
		cases: ["bun --watch"],
	},
	{
		reason: "This machine cannot create namespaces: that takes Linux, root, and unshare of util-linux.",
		where: () => !canCreateNamespaces(),
		cases: [IN_NAMESPACES],
	},
	{
		reason: "Processor time is measured for a whole process, and the test works in the process of its threads.",
		where: ({ transport }) => transport === "threads",
		cases: ["processor time"],
	},
];

function matches(pattern: string | RegExp, title: string): boolean {
	return typeof pattern === "string" ? title === pattern || title.startsWith(`${pattern} > `) : pattern.test(title);
}

/** Why the case with this title does not run on this instance, and the entry that says so; undefined: it runs. */
export function findSkip(title: string): { readonly reason: string; readonly entry: string } | undefined {
	for (const { where, reason, cases } of skip) {
		const pattern = cases.find((each) => matches(each, title));
		if (pattern !== undefined && where(instance)) return { reason, entry: String(pattern) };
	}
	return undefined;
}
