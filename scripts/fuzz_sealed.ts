/**
 * Opens many changed and random inputs with the codec of sealed messages.
 *
 *   bun run fuzz:sealed [--inputs N] [--seed N]
 */
import { fuzzSealed } from "../packages/core/src/codecs/testing/fuzz_sealed.ts";
import { commandLine } from "./lib/command_line.ts";

const { flags } = commandLine({
	name: "bun run fuzz:sealed",
	flags: {
		inputs: { type: Number, description: "how many inputs", default: 1_000_000 },
		seed: { type: Number, description: "the first random number", default: 1 },
	},
	help: {
		description:
			"Opens changed and random inputs with the codec of sealed messages. None may open that was not sealed.",
	},
});

const opened = fuzzSealed(flags.inputs, flags.seed);
console.log(`${flags.inputs} inputs, seed ${flags.seed}: ${opened} unchanged ones were opened, all others refused`);
