import { newTable } from "../../command/table.ts";
import type { AlternativeRow } from "../alternative_row.ts";
import { isRight, ratio, rowOf, transportsOf } from "../alternatives_table.ts";
import { linesOf, typedPrograms } from "./typed_programs.ts";

/** Microseconds a message, with two digits that count. */
function microseconds(row: AlternativeRow | undefined): string {
	const value = (row?.nsPerMessage ?? Number.NaN) / 1e3;
	return value < 9.95 ? value.toPrecision(2) : value.toFixed(0);
}

function programOf(transport: string) {
	const program = typedPrograms[transport];
	if (program === undefined) throw new Error(`typed_programs.ts has no program for ${transport}`);
	return program;
}

/** The table of the command. */
export function typedTable(rows: readonly AlternativeRow[], receiverCounts: readonly number[]): string {
	const table = newTable(
		["transport", "lines", ...receiverCounts.flatMap((n) => [`1-${n} µs/message`, "÷ libipc"]), "delivered"],
		["left", "right", ...receiverCounts.flatMap(() => ["right", "right"] as const), "right"],
	);
	const transports = transportsOf(rows);
	for (const transport of transports) {
		const cells = receiverCounts.flatMap((receivers) => {
			const row = rowOf(rows, transport, receivers);
			return [microseconds(row), ratio(row, rowOf(rows, transports[0], receivers)).toFixed(1)];
		});
		const allRight = rows.filter((row) => row.transport === transport).every(isRight);
		table.push([transport, linesOf(programOf(transport)), ...cells, allRight ? "100 %" : "WRONG"]);
	}
	return table.toString();
}

/** The table of the README, in Markdown. @throws Error if a message was lost or wrong: such figures are not published */
export function typedMarkdown(rows: readonly AlternativeRow[], receiverCounts: readonly number[]): string {
	const wrong = rows.find((row) => !isRight(row));
	if (wrong) throw new Error(`${wrong.transport} to ${wrong.receivers} receivers: not every message was right`);
	const line = (cells: readonly (string | number)[]): string => `| ${cells.join(" | ")} |`;
	const code = (text: string): string => `\`${text.replaceAll("|", "\\|")}\``;
	return [
		line(["", "between", "one sends", "and receives", "lines", ...receiverCounts.map((n) => `1 to ${n}, µs`)]),
		line(["---", "---", "---", "---", "---:", ...receiverCounts.map(() => "---:")]),
		...transportsOf(rows).map((transport) => {
			const program = programOf(transport);
			const times = receiverCounts.map((receivers) => microseconds(rowOf(rows, transport, receivers)));
			return line([
				transport,
				program.between,
				code(program.sends),
				code(program.receives),
				linesOf(program),
				...times,
			]);
		}),
	].join("\n");
}
