import { type NodeVersion, nodeBinary } from "../../../../scripts/node_binary.ts";
import { NodeProgram } from "../launcher/node_program.ts";
import type { Alternative, AlternativeResult, Availability, MeasureOptions } from "./alternative.ts";
import type { nodeTransports } from "./node/transports.ts";
import { TemporaryDirectory } from "./temporary_directory.ts";
import { zeroMqModule } from "./zeromq_tool.ts";

const VERSION: NodeVersion = 26;

/** Sender and receivers are processes of Node. */
export function nodeAlternative(name: string, transport: keyof typeof nodeTransports): Alternative {
	const places = (): { readonly node: string; readonly zeromq: string } => {
		const node = nodeBinary(VERSION);
		if (node === undefined) throw new Error(`${name} is left out: there is no Node ${VERSION} for this machine`);
		return { node, zeromq: transport.startsWith("zeromq") ? zeroMqModule() : "" };
	};
	return {
		name,
		async available(): Promise<Availability> {
			try {
				places();
				return { available: true };
			} catch (error) {
				return { available: false, reason: firstLine(error) };
			}
		},
		async measure({ signal, ...options }: MeasureOptions): Promise<AlternativeResult> {
			const { node, zeromq } = places();
			signal?.throwIfAborted();
			using directory = new TemporaryDirectory();
			await using sender = new NodeProgram({
				name: `the sender of ${name}`,
				node,
				program: new URL("node/sender.program.ts", import.meta.url),
				args: [transport, JSON.stringify(options), directory.path, zeromq],
				signal,
			});
			return JSON.parse(await sender.output());
		},
	};
}

function firstLine(error: unknown): string {
	return String(error instanceof Error ? error.message : error).split("\n")[0] ?? "";
}

export const nodeAlternatives: readonly Alternative[] = [
	nodeAlternative("Node ipc, advanced", "advanced"),
	nodeAlternative("Node ipc, json", "json"),
	nodeAlternative("ZeroMQ in Node", "zeromq"),
];
