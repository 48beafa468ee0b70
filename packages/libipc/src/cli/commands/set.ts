import { Latest, list } from "libipc";
import { defineCommand } from "../command.ts";
import { codecWithId, knownCodecs } from "../content/codecs.ts";
import { inputFlags, inputs, sentValue } from "../content/input.ts";
import { CommandFailure, Exit } from "../exit.ts";
import { numberOption, wholeOption, wordOption } from "../flags.ts";
import { printable } from "../format.ts";
import { findLatest } from "../latest_values.ts";

export const set = defineCommand({
	name: "set",
	summary: "Sets a latest value: from an argument, lines of standard input, or a file",
	parameters: { usage: "NAME [VALUE]", least: 1, most: 2, completes: "names" },
	flags: {
		...inputFlags,
		codec: wordOption("CODEC", knownCodecs, {
			description: `The codec of the value: ${knownCodecs.join(", ")}. Default: that of the name; of a new one, none`,
		}),
		keep: { description: "Creates the name if it does not exist, and keeps it, until `libipc rm`" },
		maxLength: wholeOption("BYTES", 1, 67_108_864, {
			description: "Of a name that is created: its longest value. Default: 65536",
		}),
		timeout: numberOption("S", 0, { description: "How long it waits for another writer. Default: 10", short: "t" }),
	},
	description: [
		"Replaces the value of a Latest that a process has open, or that was kept. Without VALUE, each line of standard input is a value, as soon as it is there; with --whole all of it is one, with --file a file.",
		"If the name has a codec, the value has to be one of it: of json, structured and msgpack, the text is read as JSON, and what is no JSON is a string.",
	],
	exits: {
		[Exit.notFound]: "there is no such name, and --keep was not given",
		[Exit.timedOut]: "another writer did not end in time",
	},
	examples: [
		['libipc set settings \'{"theme":"dark"}\'', "a value of a name with the codec json"],
		["libipc set motd 'hello' --keep", "creates it, for programs that start later"],
	],
	async run({ parameters, flags, output }) {
		const [name = "", ...values] = parameters;
		const exists = list({ prefix: flags.prefix }).some((each) => each.name === name && each.kind === "latest");
		const found = exists || !flags.keep ? findLatest(name, flags.prefix, "set") : undefined;
		const id = flags.codec ?? found?.codec ?? "";
		const codec = await codecWithId(id);
		if (!codec && id !== "")
			throw new CommandFailure(
				`"${printable(name)}" has the codec "${printable(id)}", which this command does not have. With --codec bytes, the value is set as it is.`,
			);
		const options = {
			prefix: found?.prefix ?? flags.prefix,
			...(found && { permissions: found.permissions, maxHandles: found.maxReceivers, maxLength: found.capacity }),
			...(!found && flags.maxLength !== undefined && { maxLength: flags.maxLength }),
			...(flags.keep && { keep: true }),
		};
		// A new name gets the codec, too. One that has none is not given one: that is for its programs to decide.
		const latest = !found && codec ? Latest.open(name, { ...options, codec }).bytes : Latest.open(name, options);
		try {
			for await (const input of inputs(values, flags)) {
				const value = codec ? sentValue(input, codec.id, flags.text) : input;
				const bytes = codec ? codec.encode?.(value) : input;
				if (bytes === undefined) throw new CommandFailure(`The codec ${id} cannot be used by this command.`);
				if (!latest.set(bytes, { timeout: (flags.timeout ?? 10) * 1000 }))
					throw new CommandFailure("Another writer did not end in time; the value is the one before.", Exit.timedOut);
			}
			if (output.isJson) output.value({ prefix: found?.prefix ?? flags.prefix ?? "", name, version: latest.version });
			return Exit.fine;
		} finally {
			latest.close();
		}
	},
});
