/** Starts `libipc` as users do, and reads what it prints. */
import { fileURLToPath } from "node:url";
import { nodeBinary } from "../../../../../scripts/node_binary.ts";

const program = fileURLToPath(new URL("../libipc.ts", import.meta.url));

/** Node runs the sources without their types. */
const node = nodeBinary(26);

/** The runtimes in which the commands are tested: Bun, and Node if there is one. */
export const runtimes: readonly (readonly [name: string, command: readonly string[]])[] = [
	["Bun", [process.execPath, program]],
	...(node === undefined ? [] : [["Node 26", [node, "--disable-warning=ExperimentalWarning", program]] as const]),
];

/** What a command has printed, and its exit status. */
export interface Ran {
	readonly status: number;
	readonly out: string;
	readonly err: string;
}

export interface RunOptions {
	/** The runtime and the program. Default: Bun. */
	readonly command?: readonly string[];
	readonly env?: Readonly<Record<string, string | undefined>>;
	readonly input?: string;
	/** The user that runs it. Only root can choose another one. */
	readonly uid?: number;
}

/** Runs `libipc` with these arguments, and waits for its end. */
export function runLibipc(args: readonly string[], options: RunOptions = {}): Ran {
	const { command = runtimes[0]?.[1] ?? [], env, input, uid } = options;
	const { exitCode, stdout, stderr } = Bun.spawnSync([...command, ...args], {
		env: { ...process.env, LIBIPC_PREFIX: undefined, NO_COLOR: undefined, ...env },
		stdin: input === undefined ? "ignore" : Buffer.from(input),
		...(uid === undefined ? {} : { uid, gid: uid }),
	});
	return { status: exitCode, out: stdout.toString(), err: stderr.toString() };
}

/** Runs a command with `--json`, expects status 0, and returns the value that it prints. */
export function jsonOf<Value>(args: readonly string[], options?: RunOptions): Value {
	const { status, out, err } = runLibipc([...args, "--json"], options);
	if (status !== 0) throw new Error(`libipc ${args.join(" ")}: ${status}\n${err}`);
	return JSON.parse(out) as Value;
}
