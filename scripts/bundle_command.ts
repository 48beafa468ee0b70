/** Bundles a command of the published package into one file, for Node and Bun. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Bundles a program. It imports `libipc` by its name, so that each runtime takes the entry that is meant for it. White space and
 * unused code are left out; names stay, so that the stack of an error can be read.
 *
 * @param source - The program, with a line that names its interpreter.
 * @param target - The file to write.
 */
export async function bundleCommand(source: string, target: string): Promise<void> {
	const { outputs } = await Bun.build({
		entrypoints: [source],
		target: "node",
		external: ["libipc", "libipc/*", "msgpackr", "@bufbuild/protobuf", "flatbuffers"],
		minify: { whitespace: true, syntax: true, identifiers: false },
	});
	const [output] = outputs;
	if (!output) throw new Error(`${source}: the bundler made nothing`);
	mkdirSync(dirname(target), { recursive: true });
	writeFileSync(target, await output.text());
	chmodSync(target, 0o755);
}
