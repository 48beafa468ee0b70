import { newTable } from "../command/table.ts";
import type { ThreadRow } from "./thread_row.ts";
import type { ThreadTransport } from "./thread_transport.ts";

export function threadTable(rows: readonly ThreadRow[]): string {
	const names = rows[0]?.cells.map(({ transport }) => transport) ?? [];
	const others = names.includes("sab") ? names.filter((name) => name !== "sab") : [];
	const head = ["N", ...names.map((name) => `${name} ns`), ...others.map((name) => `${name} ÷ sab`), "delivered"];
	const table = newTable(
		head,
		head.map(() => "right"),
	);
	for (const { n, cells } of rows) {
		const of = (name: ThreadTransport) => cells.find(({ transport }) => transport === name)?.nsPerMessage ?? Number.NaN;
		const isRight = cells.every((cell) => cell.delivered === cell.expected && cell.corrupt === 0);
		table.push([
			String(n),
			...names.map((name) => of(name).toFixed(0)),
			...others.map((name) => (of(name) / of("sab")).toFixed(2)),
			isRight ? "100 %" : "WRONG",
		]);
	}
	return table.toString();
}

/** Explains the columns of the tables. */
export const legend = `ns: from the first send until the last receiver has every message, divided by the messages sent; median of the runs.
delivered: messages that the receivers counted. Each one is checked: its sender, its sequence, its length and every byte.`;
