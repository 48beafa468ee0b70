/**
 * The workload of bench_ipc over what a Bun user would pick instead of shared memory.
 *
 *   bun run bench:alternatives [options]
 */
import { writeFileSync } from "node:fs";
import { peers } from "./alternatives/alternatives.ts";
import { measureRow } from "./bench_ipc/row.ts";
import { integerOption, parseOptions } from "./command/arguments.ts";
import { barChart } from "./command/chart.ts";
import { describeMachine, machine } from "./command/machine.ts";
import { Progress } from "./command/progress.ts";
import { runCommand } from "./command/run_command.ts";
import { newTable } from "./command/table.ts";

const HELP = `bun run bench:alternatives [options]

The messages of bench_ipc from one sender to 1 and to 8 receivers, over libipc and over what else Bun offers. Every
transport is lossless here, and every receiver checks every byte.

  --count N     messages per run        (100000)
  --runs N      measured runs of each   (5)
  --json FILE   write the rows as JSON
  --svg FILE    write a chart
  --help        this text`;

interface PeerRow {
	readonly transport: string;
	readonly receivers: number;
	readonly nsPerMessage: number;
	readonly delivered: number;
	readonly expected: number;
	readonly corrupt: number;
}

const RECEIVERS = [1, 8];
const MIN = 2;
const MAX = 256;

await runCommand(async (signal) => {
	const options = parseOptions({
		count: { type: "string", default: "100000" },
		runs: { type: "string", default: "5" },
		json: { type: "string" },
		svg: { type: "string" },
		help: { type: "boolean", default: false },
	});
	if (options.help) {
		console.log(HELP);
		return 0;
	}
	const count = integerOption("count", options.count, 1, 1 << 24);
	const runs = integerOption("runs", options.runs, 1, 1000);
	const host = machine();
	console.log(describeMachine(host));
	console.log(`${count.toLocaleString("en")} messages of ${MIN}-${MAX} bytes, 1 sender, ${runs} runs\n`);

	const rows: PeerRow[] = [];
	const missing: string[] = [];
	using progress = new Progress();
	for (const receivers of RECEIVERS) {
		progress.show(`libipc, 1-${receivers} …`);
		rows.push(await measureOurs(count, receivers, runs, signal));
	}
	for (const peer of peers) {
		const availability = (await peer.available?.()) ?? { available: true };
		if (!availability.available) {
			missing.push(availability.reason);
			continue;
		}
		for (const receivers of RECEIVERS) {
			progress.show(`${peer.name}, 1-${receivers} …`);
			rows.push(await peer.measure({ count, min: MIN, max: MAX, receivers, runs, signal }));
		}
	}
	progress.show("");

	const find = (transport: string, receivers: number) =>
		rows.find((row) => row.transport === transport && row.receivers === receivers);
	const transports = [...new Set(rows.map((row) => row.transport))];
	const table = newTable(
		["transport", "1-1 ns/message", "÷ libipc", "1-8 ns/message", "÷ libipc", "delivered"],
		["left", "right", "right", "right", "right", "right"],
	);
	for (const transport of transports) {
		const cells = RECEIVERS.flatMap((receivers) => {
			const ns = find(transport, receivers)?.nsPerMessage ?? Number.NaN;
			return [
				Math.round(ns).toLocaleString("en"),
				(ns / (rows.find((row) => row.receivers === receivers)?.nsPerMessage ?? 1)).toFixed(1),
			];
		});
		const all = rows
			.filter((row) => row.transport === transport)
			.every((row) => row.delivered === row.expected && row.corrupt === 0);
		table.push([transport, ...cells, all ? "100 %" : "WRONG"]);
	}
	console.log(table.toString());
	for (const reason of missing) console.log(reason);
	console.log(
		"Sockets and pipes carry many messages in each write of 128 KiB, as a careful user would do it; postMessage,\nBroadcastChannel and Bun.spawn ipc carry one message a call.",
	);
	if (typeof options.json === "string")
		writeFileSync(options.json, `${JSON.stringify({ machine: host, rows }, null, "\t")}\n`);
	if (typeof options.svg === "string")
		writeFileSync(
			options.svg,
			barChart({
				title: "Nanoseconds per message from one sender, lossless and checked",
				subtitle: describeMachine(host),
				categories: transports,
				axis: "ns per message (logarithmic; less is better)",
				height: 160 + transports.length * 48,
				series: RECEIVERS.map((receivers, i) => ({
					name: receivers === 1 ? "1 receiver" : `${receivers} receivers`,
					color: i === 0 ? "#2f6fdb" : "#e0a03c",
					values: transports.map((transport) => find(transport, receivers)?.nsPerMessage),
				})),
			}),
		);
	return rows.every((row) => row.delivered === row.expected && row.corrupt === 0) ? 0 : 1;
});

async function measureOurs(count: number, receivers: number, runs: number, signal: AbortSignal): Promise<PeerRow> {
	const row = await measureRow(
		{ pattern: "route", n: receivers, count, min: MIN, max: MAX, transport: "process", runs, capacity: 1 << 20 },
		signal,
	);
	const { delivered, expected, corrupt } = row;
	return { transport: "libipc route", receivers, nsPerMessage: row.usPerMessage * 1e3, delivered, expected, corrupt };
}
