/**
 * The limits at full size, with their figures: 1,000 processes on one channel and 10,000 names in C (as in the C tests),
 * then 10,000 channels of the smallest size in one Bun process: the time to open, list and clear them, and their memory.
 */
import { Channel, clear, list } from "@libipc/core";
import { commandLine, wholeNumber } from "./lib/command_line.ts";
import { root } from "./lib/repository.ts";
import { must, run } from "./lib/run.ts";

const { flags } = commandLine({
	name: "bun run limits",
	flags: {
		names: {
			type: wholeNumber(1),
			placeholder: "<n>",
			description: "How many channels the Bun process opens",
			default: 10_000,
		},
	},
	help: {
		description: "The limits at full size, with their figures: processes on one channel, names, memory of each.",
	},
});
const count = flags.names;
process.chdir(root);

const env = { LIMITS: "1" };
await must([process.execPath, "scripts/test_native.ts", "plain", "limits_test"], { env });
await run(["native/build/test/plain/limits_test"], { env, show: true });

const prefix = `limits${process.pid}`;
const milliseconds = (since: number): string => `${(performance.now() - since).toFixed(0)} ms`;
const resident = process.memoryUsage.rss();

let started = performance.now();
const receivers = Array.from({ length: count }, (_, i) =>
	Channel.receiver(`n${i}`, { prefix, capacity: 4096, maxReceivers: 1 }),
);
console.log(`${count} channels: opened in ${milliseconds(started)}`);

started = performance.now();
const names = list({ prefix });
console.log(`${names.length} listed in ${milliseconds(started)}`);
const bytes = names.reduce((sum, { byteLength }) => sum + byteLength, 0);
const own = (process.memoryUsage.rss() - resident - bytes) / count;
console.log(
	`memory of each: ${bytes / names.length} bytes shared, about ${Math.max(0, Math.round(own))} in the process`,
);

started = performance.now();
console.log(`${clear({ prefix }).length} of the names in use cleared in ${milliseconds(started)}`);

started = performance.now();
for (const receiver of receivers) receiver.close();
console.log(`closed in ${milliseconds(started)}; ${list({ prefix }).length} are left`);
