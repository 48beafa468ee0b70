/** The flags of `bench:threads` and `bench:node`. */
import { listOf } from "../../../../scripts/lib/command_line.ts";
import { rowFlags } from "../bench_ipc/row_flags.ts";
import { jsonFlag, runsFlag } from "../command/flags.ts";
import { threadTransports } from "./thread_transport.ts";

export const threadFlags = {
	...rowFlags,
	count: {
		...rowFlags.count,
		description:
			"messages per run, shared among the senders; MessagePort carries a fifth of them, BroadcastChannel a tenth",
	},
	transports: {
		type: listOf(...threadTransports),
		placeholder: "<list>",
		description: `some of ${threadTransports.join(", ")}, with commas (default: all that the runtime has)`,
	},
	runs: runsFlag(5),
	json: jsonFlag,
} as const;
