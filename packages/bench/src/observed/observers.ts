import { pinned } from "./observed_sender.ts";

const LIBIPC = new URL("../../../libipc/src/cli/libipc.ts", import.meta.url).pathname;

/** A command that looks at the name of the sender. */
export interface Observer {
	readonly name: "top" | "tail";
	/** The least share of the rate without it. */
	readonly bar: number;
	/** How many observers the name has while it runs. */
	readonly observers: number;
	/** Starts it; it is ended when what is returned is disposed of. */
	readonly start: (cpu: number, prefix: string, channel: string) => AsyncDisposable;
}

const libipc = (cpu: number, args: readonly string[]): string[] => pinned(cpu, [process.execPath, LIBIPC, ...args]);

async function end(process: Bun.Subprocess): Promise<void> {
	process.kill("SIGTERM");
	await process.exited;
}

/** `top` draws its frames on a terminal; `tail` prints every message that it gets. */
export const observers: readonly Observer[] = [
	{
		name: "top",
		bar: 0.97,
		observers: 0,
		start(cpu, prefix) {
			const terminal = new Bun.Terminal({ cols: 100, rows: 40, data() {} });
			const process = Bun.spawn(libipc(cpu, ["top", "--prefix", prefix]), { terminal });
			return {
				async [Symbol.asyncDispose]() {
					await end(process);
					terminal.close();
				},
			};
		},
	},
	{
		name: "tail",
		bar: 0.9,
		observers: 1,
		start(cpu, prefix, channel) {
			const process = Bun.spawn(libipc(cpu, ["tail", channel, "--prefix", prefix]), {
				stdin: "ignore",
				stdout: Bun.file("/dev/null"),
				stderr: Bun.file("/dev/null"),
			});
			return { [Symbol.asyncDispose]: () => end(process) };
		},
	},
];
