/**
 * Receives many damaged messages as values, by several codecs.
 *
 *   bun run fuzz:codecs [--inputs N] [--seed N]
 */
import { fuzzCodecs } from "../packages/core/src/codecs/testing/fuzz_codecs.ts";
import { commandLine } from "./lib/command_line.ts";

const { flags } = commandLine({
	name: "bun run fuzz:codecs",
	flags: {
		inputs: { type: Number, description: "how many inputs", default: 1_000_000 },
		seed: { type: Number, description: "the first random number", default: 1 },
	},
	help: {
		description:
			"Sends damaged and whole messages as bytes, and receives them as values, by the codecs text, json, structured and msgpack. Whole ones must arrive, and damaged ones be refused, or give what they give alone in memory.",
	},
});

const refused = fuzzCodecs(flags.inputs, flags.seed, `fuzz-codecs-${process.pid}`);
console.log(
	`${flags.inputs} messages, seed ${flags.seed}: ${refused} damaged ones were refused, all others arrived as they were`,
);
