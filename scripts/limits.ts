/**
 * The limits at full size, with their figures: 1,000 processes on one channel and 10,000 names in C (as the C tests have
 * them), then 10,000 channels of the smallest size in one Bun process: the time to open, list and clear them, and their memory.
 *
 *   bun run limits [names]
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Channel, clear, list } from "@libipc/core";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));

const count = Number(process.argv[2] ?? 10_000);
if (!Number.isInteger(count) || count < 1) throw new RangeError("bun run limits [names]: how many, at least 1");

const env = { ...process.env, LIMITS: "1" };
const built = spawnSync(process.execPath, ["scripts/test_native.ts", "plain", "limits_test"], {
	env,
	stdio: "inherit",
});
if (built.status !== 0) process.exit(1);
spawnSync("native/build/test/plain/limits_test", [], { env, stdio: "inherit" });

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
	`memory of each: ${bytes / names.length} bytes shared, some ${Math.max(0, Math.round(own))} of the process`,
);

started = performance.now();
console.log(`${clear({ prefix }).length} cleared of those in use, in ${milliseconds(started)}`);

started = performance.now();
for (const receiver of receivers) receiver.close();
console.log(`closed in ${milliseconds(started)}; ${list({ prefix }).length} are left`);
