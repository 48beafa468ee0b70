/** Rings between threads, in Bun and in every Node that is there; and what a message costs the heap of Node. */
import { describe, expect, test } from "bun:test";
import { fileURLToPath } from "node:url";
import { scale } from "@libipc/testing/scale";
import { nodeBinary, nodeVersions } from "../../../../scripts/node_binary.ts";

const fileOf = (program: string): string => fileURLToPath(new URL(`../testing/${program}`, import.meta.url));

/** What a program prints, and errors. */
async function output(command: readonly string[]): Promise<string> {
	const child = Bun.spawn([...command], {
		env: { ...process.env, LIBIPC_ENGINE: "sab", NODE_NO_WARNINGS: "1" },
		stdout: "pipe",
		stderr: "pipe",
	});
	const [out, errors] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
	await child.exited;
	return (out + errors).trim();
}

const nodes = nodeVersions.flatMap((version) => {
	const binary = nodeBinary(version);
	return binary ? [[`Node ${version}`, binary] as const] : [];
});
const cases = [
	["channel", 2, 2, 2000, "block"],
	["queue", 1, 2, 1500, "block"],
	["channel", 1, 2, 3000, "drop-oldest"],
	["route", 1, 1, 4000, "block"],
	["route", 1, 3, 2000, "block"],
	["channel", 3, 1, 1500, "block"],
	["queue", 2, 3, 1500, "block"],
	["channel", 2, 2, 2000, "drop-oldest"],
] as const;
/** The rings are larger than fewer messages, which would then not be overwritten. */
const messagesOf = (count: number, overflow: string): number => (overflow === "block" ? scale(count, 100) : count);
// A Worker of Node takes long to begin, because each turns TypeScript into JavaScript: the first case in each Node, and two more
// in the newest one.
const runs = [
	...cases.map((each) => ["Bun", process.execPath, ...each] as const),
	...nodes.flatMap(([name, binary], i) =>
		cases.slice(0, i === nodes.length - 1 ? 3 : 1).map((each) => [name, binary, ...each] as const),
	),
];

describe("threads", () => {
	test.each(runs)(
		"in %s, at %s: a %s from %d to %d, up to %d messages from each, %s",
		async (_, runtime, ...args) => {
			const said = await output([
				runtime,
				fileOf("ring_threads.ts"),
				...[args[0], args[1], args[2], messagesOf(args[3], args[4]), args[4]].map(String),
			]);
			expect(said).toMatch(args[4] === "block" ? /^right, 0 lost$/ : /^right, [1-9]\d* lost$/);
		},
		300_000,
	);
});

describe.each(nodes)("the heap of %s", (_, runtime) => {
	test("a message allocates nothing but the view that the receiver gets", async () => {
		const { view, ...ways } = JSON.parse(await output([runtime, fileOf("allocations.ts")])) as Record<
			string,
			number
		> & {
			view: number;
		};
		for (const [way, bytes] of Object.entries(ways)) {
			// Less than the smallest object for each message; a count of 64 bits is one.
			const most = way.includes("drained") ? 1.05 : /queue|overwritten/.test(way) ? 0.5 : 0.02;
			expect([way, bytes / view < most]).toEqual([way, true]);
		}
	}, 300_000);
});
