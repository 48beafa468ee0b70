import type { Latest } from "libipc";
import { defineCommand } from "../command.ts";
import { codecWithId } from "../content/codecs.ts";
import { codecIdFor, formats, show } from "../content/show.ts";
import { Exit, notFound, usageError } from "../exit.ts";
import { wordOption } from "../flags.ts";
import { untilInterrupted } from "../interruption.ts";
import { findLatest, openLatest } from "../latest_values.ts";
import { titleOf } from "../select_names.ts";

export const get = defineCommand({
	name: "get",
	summary: "Prints a latest value, or follows its changes",
	parameters: { usage: "NAME", least: 1, most: 1, completes: "names" },
	flags: {
		format: wordOption("FORMAT", formats, {
			description: `How it is shown: ${formats.join(", ")}. Default: auto, by its codec`,
		}),
		raw: { description: "Prints the bytes as they are, without an end of line" },
		follow: { description: "Prints the value, and then each change, until Ctrl-C", short: "f" },
	},
	description: [
		"Prints the present value of a Latest. No writer waits for it. With --follow, changes that come faster than they are printed are passed over: the newest one is always printed.",
	],
	exits: { [Exit.notFound]: "there is no such name, or it was never set" },
	examples: [
		["libipc get settings", "the value"],
		["libipc get frame --raw > frame.png", "its bytes"],
		["libipc get settings --follow --json", "each change, as a line with version and value"],
	],
	async run({ parameters, flags, output }) {
		if (flags.raw && output.isJson) throw usageError("prints bytes with --raw, and JSON with --json: choose one");
		const found = findLatest(parameters[0] ?? "", flags.prefix, "get");
		const format = flags.format ?? "auto";
		const codec = await codecWithId(codecIdFor(found.codec, format));
		const latest: Latest = openLatest(found);
		const print = (bytes: Uint8Array): void => {
			if (flags.raw) {
				process.stdout.write(bytes);
				return;
			}
			const { lines, fields } = show(bytes, codec, format);
			if (output.isJson) output.valueLine({ version: latest.seen, bytes: bytes.byteLength, ...fields });
			else for (const line of lines) output.line(line);
		};
		try {
			if (flags.follow) {
				const signal = untilInterrupted();
				try {
					for await (const bytes of latest.changed({ signal })) print(bytes);
				} catch (error) {
					if (!signal.aborted) throw error;
				}
				return Exit.fine;
			}
			const bytes = latest.get();
			if (bytes === null) throw notFound(`${titleOf(found)} was never set.`);
			print(bytes);
			return Exit.fine;
		} finally {
			latest.close();
		}
	},
});
