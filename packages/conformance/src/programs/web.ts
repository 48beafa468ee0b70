/**
 * A client of `libipc/web`: `web PROGRAM PREFIX NAME [ARGUMENT]`. It does what the messages on the broadcast channel NAME ask for, and says
 * JSON lines.
 */
import { args, say } from "@libipc/testing/program";
import { createWeb } from "libipc/web";
import { library, SharedMemory } from "../under_test.ts";

const [program = "", prefix = "", name = "", argument = ""] = args;
const print = (value: unknown): void => say(JSON.stringify(value ?? null));
const web = createWeb({ prefix, library });

/** What a client of locks is asked for. */
interface Command {
	readonly to: string;
	readonly op: "hold" | "release" | "query" | "end";
	readonly lock?: string;
	readonly options?: object;
}

const programs: Record<string, () => void> = {
	/** Sends back what it gets, until it gets "end". */
	echoes() {
		const channel = new web.BroadcastChannel(name);
		channel.onmessage = ({ data }) => {
			if (data === "end") channel.close();
			else channel.postMessage({ echo: data });
		};
		channel.postMessage("ready");
		print("ready");
	},

	/** Hears messages, but is blocked from the first one on, until the test wakes it. Reports what it has got, and lost. */
	blocks() {
		const channel = new web.BroadcastChannel(name);
		const got: unknown[] = [];
		let lost = 0;
		channel.onmessage = ({ data }) => {
			if (data === "block") {
				print("blocked");
				const memory = SharedMemory.open(argument, { prefix, size: 64 });
				while (memory.words[0] === 0) memory.waitOn(0, 0, { timeout: 1000 });
				memory.close();
			} else if (data !== "end") got.push({ i: data.i });
			if (data !== "end") return;
			channel.close();
			print({ got, lost });
		};
		channel.onmessageerror = (event) => {
			lost += event.lost;
		};
		print("ready");
	},

	/** Posts, and ends: an object with unref does not keep it alive, but what it has posted is sent. */
	"posts and ends"() {
		const channel = new web.BroadcastChannel(name).unref();
		for (let i = 0; i < Number(argument); i++) channel.postMessage(i);
	},

	/** Requests, holds and releases locks as it is asked to. */
	client() {
		const channel = new web.BroadcastChannel(name);
		const held = new Map<string, () => void>();
		const commands: Record<Command["op"], (command: Command) => void> = {
			hold({ lock = "", options = {} }) {
				web.locks
					.request(lock, options, (granted: unknown) => {
						print({ lock, granted: granted !== null });
						if (granted === null) return undefined;
						return new Promise<void>((resolve) => held.set(lock, resolve));
					})
					.then(
						() => print({ lock, released: true }),
						(error: Error) => print({ lock, error: error.name }),
					);
			},
			release: ({ lock = "" }) => held.get(lock)?.(),
			query: () => void web.locks.query().then(print),
			end: () => channel.close(),
		};
		channel.onmessage = ({ data }: { data: Command }) => {
			if (data.to === argument) commands[data.op](data);
		};
		print("ready");
	},
};

const chosen = programs[program];
if (!chosen) throw new Error(`there is no program "${program}"`);
chosen();
