import { setTimeout as sleep } from "node:timers/promises";
import { list } from "libipc";
import { defineCommand } from "../command.ts";
import { CommandFailure, Exit } from "../exit.ts";
import { numberOption, wholeOption } from "../flags.ts";
import { bytes, printable, whole } from "../format.ts";
import { untilInterrupted } from "../interruption.ts";
import { selectRing } from "../rings.ts";
import { kindFlag, titleOf } from "../select_names.ts";
import { short } from "../top/frame.ts";
import { Sampler } from "../top/sample.ts";

export const hz = defineCommand({
	name: "hz",
	summary: "Shows the rate of a name: messages and bytes a second, and their size",
	parameters: { usage: "NAME", least: 1, most: 1, completes: "names" },
	flags: {
		kind: kindFlag,
		interval: numberOption("S", 0.05, { description: "Seconds of each figure. Default: 1", short: "i" }),
		count: wholeOption("N", 1, Number.MAX_SAFE_INTEGER, { description: "Ends after so many figures", short: "n" }),
	},
	description: [
		"Prints a line each second, until Ctrl-C. The figures come from counters in shared memory: nothing is opened, and no process notices it. So it works for queues, too, and at any rate.",
		"Bytes have the headers of records in them: 8 bytes for each message, up to 7 bytes to a multiple of 8, and 16 bytes of a stamp. The largest and the smallest rate are those of the figures that were printed.",
	],
	exits: { [Exit.failed]: "it failed, or the name was closed meanwhile", [Exit.notFound]: "there is no such name" },
	examples: [
		["libipc hz prices", "each second"],
		["libipc hz jobs --interval 10 --count 1 --json", "the mean of ten seconds, for programs"],
	],
	async run({ parameters, flags, output }) {
		const selection = { prefix: flags.prefix, kind: flags.kind };
		const ring = selectRing(parameters[0] ?? "", selection, "hz");
		const signal = untilInterrupted();
		const sampler = new Sampler();
		const look = () => {
			const found = list({ prefix: ring.prefix }).find(({ name, kind }) => name === ring.name && kind === ring.kind);
			if (found?.state !== "live")
				throw new CommandFailure(`${titleOf(ring)} was closed: no process has it open any more.`);
			return sampler.take([found], performance.now()).rows[0];
		};
		look();
		let least = Number.POSITIVE_INFINITY;
		let most = 0;
		for (let printed = 0; printed < (flags.count ?? Number.POSITIVE_INFINITY); printed++) {
			await sleep((flags.interval ?? 1) * 1000, undefined, { signal }).catch(() => {});
			if (signal.aborted) break;
			const row = look();
			const messages = row?.messages ?? 0;
			const written = row?.bytes ?? 0;
			least = Math.min(least, messages);
			most = Math.max(most, messages);
			const size = row?.bytesPerMessage ?? 0;
			if (output.isJson)
				output.valueLine({ messages, bytes: written, bytesPerMessage: size, least, most, lagShare: row?.lagShare });
			else
				output.line(
					`${printable(ring.name)}: ${short(messages)} messages/s  ${short(written / 1e6)} MB/s  ${bytes(size)} each  (${whole(least)} to ${whole(most)})`,
				);
		}
		return Exit.fine;
	},
});
