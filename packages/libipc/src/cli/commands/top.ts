import { setTimeout as sleep } from "node:timers/promises";
import { type ListedName, list } from "libipc";
import { defineCommand } from "../command.ts";
import { Exit, type ExitStatus } from "../exit.ts";
import { numberOption, textOption, wordOption } from "../flags.ts";
import { untilInterrupted } from "../interruption.ts";
import type { Output } from "../output.ts";
import { kindFlag, matches, selectNames } from "../select_names.ts";
import { frameLines, rowsOn, sampleLines } from "../top/frame.ts";
import { type Row, type Sample, Sampler } from "../top/sample.ts";
import { Screen } from "../top/screen.ts";
import { afterKey, firstView, keysIn, sortKeys, type View } from "../top/view.ts";

/** Two looks, so that there are rates. */
async function sampleOnce(look: () => ListedName[], interval: number): Promise<Sample> {
	const sampler = new Sampler();
	sampler.take(look(), performance.now());
	await sleep(interval * 1000);
	return sampler.take(look(), performance.now());
}

const plainRow = ({ name, ...figures }: Row) => {
	const { kind, prefix, state, capacity, messages, written, path } = name;
	const rates = {
		messages: figures.messages ?? null,
		bytes: figures.bytes ?? null,
		drops: figures.drops ?? null,
		wakeups: figures.wakeups ?? null,
	};
	const { lag, lagShare, senders, receivers } = figures;
	return {
		...{ name: name.name, prefix, kind, state, perSecond: rates, lag, lagShare, senders, receivers },
		...{ capacity, total: { messages, bytes: written }, path },
	};
};

function printOnce(sample: Sample, view: View, output: Output): ExitStatus {
	if (output.isJson) output.value({ seconds: sample.seconds, names: sample.rows.map(plainRow) });
	else for (const line of sampleLines(sample, view, output.width, output.styled)) output.line(line);
	return Exit.fine;
}

/** Shows the rates until the user leaves. */
async function follow(look: () => ListedName[], start: View, output: Output): Promise<ExitStatus> {
	const interrupted = untilInterrupted();
	const sampler = new Sampler();
	let view = start;
	let sample = sampler.take(look(), performance.now());
	let leave = (): void => {};
	const left = new Promise<void>((resolve) => {
		leave = resolve;
	});
	interrupted.addEventListener("abort", leave);
	const draw = (): void => {
		const time = new Date().toTimeString().slice(0, 8);
		screen.show(frameLines(sample, view, screen, time, output.styled));
	};
	let timer: NodeJS.Timeout | undefined;
	let failure: { readonly error: unknown } | undefined;
	const tick = (): void => {
		try {
			if (!view.isPaused) {
				sample = sampler.take(look(), performance.now());
				draw();
			}
			timer = setTimeout(tick, view.interval * 1000);
		} catch (error) {
			failure = { error };
			leave();
		}
	};
	const screen = new Screen(
		process.stdout,
		process.stdin,
		(data) => {
			for (const key of keysIn(data)) {
				const next = afterKey(view, key, rowsOn(screen.height));
				if (!next) return leave();
				if (next.interval !== view.interval) {
					clearTimeout(timer);
					timer = setTimeout(tick, next.interval * 1000);
				}
				const last = Math.max(0, sample.rows.length - rowsOn(screen.height));
				view = { ...next, scroll: Math.min(next.scroll, last) };
			}
			draw();
		},
		draw,
	);
	try {
		draw();
		// The first rates come soon.
		timer = setTimeout(tick, Math.min(view.interval * 1000, 500));
		await left;
		if (failure) throw failure.error;
		return Exit.fine;
	} finally {
		clearTimeout(timer);
		screen[Symbol.dispose]();
	}
}

export const top = defineCommand({
	name: "top",
	summary: "Shows live rates of all names: messages, bytes, lag, drops, wake-ups",
	parameters: { usage: "[NAME…]", least: 0, most: Number.POSITIVE_INFINITY, completes: "names" },
	flags: {
		once: { description: "Prints one sample, and ends. So do --json, and a standard output that is no terminal" },
		interval: numberOption("S", 0.05, { description: "Seconds between two looks. Default: 1", short: "i" }),
		sort: wordOption("KEY", sortKeys, {
			description: `The order: ${sortKeys.join(", ")}. Default: messages`,
			short: "s",
		}),
		filter: textOption("TEXT", { description: "Shows only names and prefixes with this text", short: "f" }),
		kind: kindFlag,
	},
	description: [
		"Shows one line for each name, and what flows through it. No process notices it: every figure is read from counters that are in shared memory anyway, without a lock and without an endpoint. With 100 names it takes less than 1 % of a processor.",
		"MSG/S and MB/S are what senders have written (MB: 1,000,000 bytes, headers of records included). LAG is what the slowest receiver that senders wait for has not read, of the size of the ring: at 100 % senders wait. DROP/S are messages that were lost: those that receivers have missed because they were overwritten, and those that senders did not send because the ring was full (drop-newest). An endpoint that was closed since the last look is not counted. WAKE/S is how often a change had to wake an endpoint that slept, which costs a system call; of locks and the like, how many waits began. With room, also S/R (senders and receivers, or handles), BEHIND (LAG in bytes), TOTAL (all messages since the name was created) and SIZE (memory).",
		"Keys: q leaves, p or space pauses, / filters, m b l d w n sort by messages, bytes, lag, drops, wake-ups, name (again: the other way round), + and - change the interval, arrows and Page Up and Down scroll.",
	],
	exits: { [Exit.notFound]: "one of the given names does not exist" },
	examples: [
		["libipc top", "all names, live"],
		["libipc top --prefix shop --sort lag", "one program, the slowest receivers first"],
		["libipc top --once", "one sample as text"],
		["libipc top --json --interval 5", "rates over five seconds, for programs"],
	],
	async run({ parameters, flags, output }) {
		// What was named must be there at first, and may vanish later.
		selectNames({ names: parameters, prefix: flags.prefix, kind: flags.kind });
		const isWanted = ({ kind, name }: ListedName): boolean =>
			(flags.kind === undefined || kind === flags.kind) &&
			(parameters.length === 0 || parameters.some((pattern) => matches(pattern, name)));
		const look = (): ListedName[] => list({ prefix: flags.prefix }).filter(isWanted);
		const interval = flags.interval ?? 1;
		const filter = (flags.filter ?? "").toLowerCase();
		const view = { ...firstView, interval, filter, sort: flags.sort ?? firstView.sort };
		if (flags.once || output.isJson || !output.isTerminal)
			return printOnce(await sampleOnce(look, interval), view, output);
		return follow(look, view, output);
	},
});
