import { afterEach, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { list } from "libipc";
import { nodeBinary, nodeVersions } from "../../../scripts/node_binary.ts";

/** `examples/node`: the programs run in the runtimes that they are for, print what they should and leave nothing. */
const example = (path: string): string => fileURLToPath(new URL(`../../../examples/node/${path}`, import.meta.url));

const started: ChildProcess[] = [];

afterEach(() => {
	for (const child of started.splice(0)) child.kill("SIGKILL");
});

/** A program, and its lines as they come. */
class Program {
	readonly child: ChildProcess;
	readonly ended: Promise<number | null>;
	readonly #lines: AsyncIterator<string>;
	#errors = "";

	constructor(runtime: string, ...args: string[]) {
		this.child = spawn(runtime, args, { stdio: ["ignore", "pipe", "pipe"] });
		started.push(this.child);
		const { stdout, stderr } = this.child;
		if (!stdout || !stderr) throw new Error("no pipes");
		this.#lines = createInterface(stdout)[Symbol.asyncIterator]();
		stderr.on("data", (chunk: Buffer) => {
			this.#errors += chunk;
		});
		this.ended = new Promise((resolve) => this.child.once("close", resolve));
	}

	get errors(): string {
		return this.#errors;
	}

	async line(): Promise<string | undefined> {
		const { value, done } = await this.#lines.next();
		return done ? undefined : value;
	}

	async rest(): Promise<string[]> {
		const lines: string[] = [];
		for (let line = await this.line(); line !== undefined; line = await this.line()) lines.push(line);
		return lines;
	}
}

function node(version: (typeof nodeVersions)[number]): string[] {
	const binary = nodeBinary(version);
	if (!binary) throw new Error(`there is no Node ${version} here: set LIBIPC_NODE_${version} to one`);
	return [binary, "--disable-warning=ExperimentalWarning"];
}

const runtimes: [name: string, command: string[]][] = [
	["Bun", [process.execPath]],
	// Where Node has no native engine, the user says that threads are meant, as docs/node.md says.
	...nodeVersions.map((version): [string, string[]] => [
		`Node ${version}`,
		[...(version < 26 ? ["env", "LIBIPC_ENGINE=sab"] : []), ...node(version)],
	]),
];

test.each(runtimes)(
	"worker-pool in %s: every job is done, also that of the thread that was ended",
	async (_, command) => {
		const [runtime = "", ...flags] = command;
		const program = new Program(runtime, ...flags, example("worker-pool/main.ts"));
		const counts = [168, 135, 127, 120, 119, 114, 117, 107, 110, 112, 106, 103];
		expect(await program.rest()).toEqual([
			...counts.map((count, i) => `${i * 1000}-${(i + 1) * 1000}: ${count} primes`),
			"1 thread was terminated during its work, no result is missing",
		]);
		expect(await program.ended).toBe(0);
		expect(program.errors).toBe("");
		expect(list({ prefix: `pool-${program.child.pid}` })).toEqual([]);
	},
	300_000,
);

test("web-server: what a Node server is posted reaches each Bun process, in order", async () => {
	const prefix = `web-${process.pid}`;
	const subscribers = [1, 2].map(() => new Program(process.execPath, example("web-server/subscriber.ts"), prefix));
	for (const subscriber of subscribers) expect(await subscriber.line()).toBe("listening");
	const [runtime = "", ...flags] = node(26);
	const server = new Program(runtime, ...flags, example("web-server/server.ts"), "0", prefix);
	const address = (await server.line()) ?? "";
	expect(address).toStartWith("http://127.0.0.1:");
	const bodies = Array.from({ length: 50 }, (_, i) => `{"symbol":"ACME","price":${i}}`);
	for (const body of bodies) {
		const response = await fetch(address, { method: "POST", body });
		expect([response.status, await response.text()]).toEqual([202, "2 subscribers\n"]);
	}
	expect((await fetch(address)).status).toBe(404);
	server.child.kill("SIGTERM");
	expect(await server.ended).toBe(0);
	expect(server.errors).toBe("");
	for (const subscriber of subscribers) {
		expect(await subscriber.rest()).toEqual(bodies);
		expect(await subscriber.ended).toBe(0);
		expect(subscriber.errors).toBe("");
	}
	expect(list({ prefix })).toEqual([]);
}, 300_000);
