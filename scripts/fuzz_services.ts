/**
 * Parses many changed and random frames of services.
 *
 *   bun run fuzz:services [--inputs N] [--seed N]
 */
import { fuzzFrames } from "../packages/core/src/service/testing/fuzz_frames.ts";
import { commandLine } from "./lib/command_line.ts";

const { flags } = commandLine({
	name: "bun run fuzz:services",
	flags: {
		inputs: { type: Number, description: "how many inputs", default: 1_000_000 },
		seed: { type: Number, description: "the first random number", default: 1 },
	},
	help: {
		description:
			"Parses changed and random frames of services, and makes errors of random values. No parser may throw, or accept what ends before it should.",
	},
});

const accepted = fuzzFrames(flags.inputs, flags.seed);
console.log(`${flags.inputs} inputs, seed ${flags.seed}: ${accepted} were frames, all others refused`);
