/** What one writes to call another process and to read its latest value. This file imports no transport: charts need none. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../../../../scripts/lib/repository.ts";
import { linesOfCode } from "../lines_of_code.ts";

export interface CallProgram {
	/** Its folder in `examples/calls`, with `server.ts` and `client.ts`. */
	readonly folder: string;
	/** How the client calls the server, and how it reads the latest value; in its code, except for the arguments. */
	readonly calls: string;
	readonly reads: string;
	/** What the transport needs, and between which programs it works. */
	readonly between: string;
}

const libipc = {
	folder: "libipc",
	calls: "await prices.quote(symbol)",
	reads: "latest.get()",
	between: "any processes",
} as const;

/** For each of the transports, by its name. */
export const callPrograms: Readonly<Record<string, CallProgram>> = {
	"libipc, json": libipc,
	"libipc, structured": libipc,
	"libipc, json, $sync": { ...libipc, calls: "prices.$sync.quote(symbol)" },
	comlink: {
		folder: "comlink",
		calls: "await prices.quote(symbol)",
		reads: "await prices.latest()",
		between: "threads of one process",
	},
	"Bun.spawn ipc": {
		folder: "spawn_ipc",
		calls: 'await request("quote", symbol)',
		reads: 'await request("latest")',
		between: "a parent and its children, in Bun",
	},
	"HTTP over a Unix socket": {
		folder: "http",
		calls: `await get(\`/quote/\${symbol}\`)`,
		reads: 'await get("/latest")',
		between: "one server and any clients",
	},
	redis: {
		folder: "redis",
		calls: "await quote(symbol)",
		reads: 'JSON.parse((await redis.get("latest")) ?? "")',
		between: "any processes, through a server",
	},
};

/** The sources of a program. */
export function sourcesOf({ folder }: CallProgram): { readonly server: string; readonly client: string } {
	const read = (file: string): string => readFileSync(join(root, "examples/calls", folder, file), "utf8");
	return { server: read("server.ts"), client: read("client.ts") };
}

/** The lines of code of both sides. */
export function linesOf(program: CallProgram): number {
	const { server, client } = sourcesOf(program);
	return linesOfCode(server) + linesOfCode(client);
}
