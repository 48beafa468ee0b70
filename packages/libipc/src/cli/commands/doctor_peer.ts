import { defineCommand } from "../command.ts";
import { answerOrders, PEER } from "../doctor/peer.ts";
import { Exit } from "../exit.ts";

export const doctorPeer = defineCommand({
	name: PEER,
	summary: "The second process of the self-test of doctor",
	isInternal: true,
	parameters: { usage: "PREFIX", least: 1, most: 1, completes: [] },
	flags: {},
	description: ["The command doctor starts it."],
	examples: [],
	run({ parameters: [prefix = ""] }) {
		answerOrders(prefix);
		return Exit.fine;
	},
});
