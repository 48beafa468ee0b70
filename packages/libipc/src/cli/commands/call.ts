import { Service } from "libipc/service";
import { cannotOpen } from "../cannot_open.ts";
import { defineCommand } from "../command.ts";
import { codecWithId } from "../content/codecs.ts";
import { inputFlags, inputs, parsedValue } from "../content/input.ts";
import { plainValue } from "../content/show.ts";
import { CommandFailure, Exit, usageError } from "../exit.ts";
import { numberOption } from "../flags.ts";
import { printable } from "../format.ts";
import { untilInterrupted } from "../interruption.ts";
import type { Output } from "../output.ts";
import { selectNames } from "../select_names.ts";
import { isReadable } from "../summary.ts";

/** What the codec ids of services begin with. */
const SERVICE = "service:";

/** Prints a result: JSON with `--json`, and for everything but texts. */
function print(value: unknown, output: Output): void {
	if (output.isJson) output.valueLine(value === undefined ? null : plainValue(value));
	else if (typeof value === "string") output.line(value.split("\n").map(printable).join("\n"));
	else if (value !== undefined) output.line(JSON.stringify(plainValue(value)));
}

/** Awaits a result, or prints each item of a stream. */
async function answer(
	call: Promise<unknown> & AsyncIterable<unknown>,
	isStream: boolean,
	output: Output,
): Promise<void> {
	if (!isStream) print(await call, output);
	else for await (const item of call) print(item, output);
}

/** The arguments of one line of standard input. */
function argumentsOf(line: string | Uint8Array): unknown[] {
	const value = parsedValue(line, false);
	if (!Array.isArray(value))
		throw usageError(`needs an array of arguments in each line, as ["BUN", 2], not ${String(line).slice(0, 100)}`);
	return value;
}

export const call = defineCommand({
	name: "call",
	summary: "Calls a method of a service, and prints the result",
	parameters: { usage: "SERVICE METHOD [ARGUMENT…]", least: 2, most: Number.POSITIVE_INFINITY, completes: "names" },
	flags: {
		file: { ...inputFlags.file, description: "Takes the arguments from a file: an array in JSON" },
		stdin: { description: "Calls the method for each line of standard input: an array of arguments in JSON" },
		text: { description: "Takes arguments as text, also if they look like JSON" },
		stream: { description: "The method is a stream: prints each item on a line of its own" },
		timeout: numberOption("S", 0, { description: "How long a call may take. Default: 10", short: "t" }),
		wait: { description: "Waits for a server. Without it, a service without one is a failure at once" },
	},
	description: [
		"Calls METHOD with the arguments. An argument is read as JSON; what is no JSON is a string. The result is printed as JSON, a text as it is; with --json, a text, too.",
		"If the method throws, its error is printed to standard error, and the status is 1. Ctrl-C aborts the call, which the server sees.",
	],
	exits: {
		[Exit.failed]: "the method has thrown, there is no such method, or the server was killed",
		[Exit.notFound]: "there is no such service",
		[Exit.timedOut]: "the call took longer than its time",
	},
	examples: [
		["libipc call prices quote BUN", "one argument, the string BUN"],
		['libipc call prices set \'{"symbol":"BUN","price":1}\'', "an object"],
		["libipc call prices watch BUN --stream --timeout 60", "each item of a stream"],
		["libipc call math add --stdin < pairs.jsonl", "a call for each line"],
	],
	async run({ parameters, flags, output }) {
		const [service = "", method = "", ...given] = parameters;
		const prefix = flags.prefix;
		if ([given.length > 0, flags.file !== undefined, flags.stdin].filter(Boolean).length > 1)
			throw usageError("takes arguments, --file or --stdin, but not together");
		const queues = flags.wait ? [] : selectNames({ names: [service], prefix, kind: "queue" });
		const found = queues.find(({ codec }) => codec.startsWith(SERVICE));
		const [odd] = queues.filter((queue) => !isReadable(queue));
		if (!found && odd) throw cannotOpen(odd);
		if (!found && !flags.wait) throw usageError(`is for services: the queue "${printable(service)}" is none`);
		const id = found?.codec.slice(SERVICE.length) ?? "structured";
		const codec = await codecWithId(id);
		if (!codec)
			throw new CommandFailure(`The service has the codec "${printable(id)}", which this command does not have.`);
		const client = Service.connect(service, {
			prefix: found?.prefix ?? prefix,
			codec,
			waitForServer: flags.wait,
			...(found && { permissions: found.permissions }),
		});
		const signal = untilInterrupted();
		try {
			const options = { timeout: (flags.timeout ?? 10) * 1000, signal };
			const run = (args: readonly unknown[]) => answer(client.$call(method, args, options), flags.stream, output);
			if (flags.stdin)
				for await (const line of inputs([], { file: undefined, whole: false })) await run(argumentsOf(line));
			else if (flags.file !== undefined)
				for await (const text of inputs([], { file: flags.file, whole: false })) await run(argumentsOf(text));
			else await run(given.map((each) => parsedValue(each, flags.text)));
			return Exit.fine;
		} catch (error) {
			if (signal.aborted) throw new CommandFailure("The call was aborted; the server has seen that.");
			throw error;
		} finally {
			client.$close();
		}
	},
});
