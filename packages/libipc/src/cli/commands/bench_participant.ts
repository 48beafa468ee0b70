import { serveParticipant } from "@libipc/bench/bench_ipc/serve_participant";
import { byWords } from "@libipc/bench/workload/compare_words";
import { PARTICIPANT } from "../bench/participant_program.ts";
import { defineCommand } from "../command.ts";
import { Exit } from "../exit.ts";

export const benchParticipant = defineCommand({
	name: PARTICIPANT,
	summary: "A sender or a receiver of bench",
	isInternal: true,
	flags: {},
	description: ["The command bench starts it."],
	examples: [],
	run() {
		serveParticipant(byWords);
		return Exit.fine;
	},
});
