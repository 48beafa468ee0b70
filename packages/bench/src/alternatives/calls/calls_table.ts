import { newTable } from "../../command/table.ts";
import { type CallProgram, callPrograms, linesOf } from "./call_programs.ts";
import { type CallRow, timesLonger } from "./call_row.ts";

/** Microseconds, with two digits that count. */
function microseconds(ns: number): string {
	const value = ns / 1e3;
	return value < 9.95 ? value.toPrecision(2) : value.toFixed(0);
}

function programOf(transport: string): CallProgram {
	const program = callPrograms[transport];
	if (program === undefined) throw new Error(`call_programs.ts has no program for ${transport}`);
	return program;
}

/** The table of the command. */
export function callsTable(rows: readonly CallRow[]): string {
	const table = newTable(
		["transport", "lines", "call p50 µs", "p99 µs", "÷ libipc", "read p50 µs", "p99 µs", "÷ libipc", "answers"],
		["left", ...Array.from({ length: 8 }, () => "right" as const)],
	);
	const [libipc] = rows;
	for (const row of rows) {
		const cells = ([row.calls, row.reads] as const).flatMap((times, i) => {
			const first = i === 0 ? libipc?.calls : libipc?.reads;
			const ratio = first === undefined ? Number.NaN : timesLonger(times, first);
			return [microseconds(times.p50), microseconds(times.p99), ratio < 9.95 ? ratio.toFixed(1) : ratio.toFixed(0)];
		});
		table.push([row.transport, linesOf(programOf(row.transport)), ...cells, row.wrong === 0 ? "right" : "WRONG"]);
	}
	return table.toString();
}

/** Code in a cell of Markdown. The code itself may have backquotes. */
function code(text: string): string {
	const quotes = text.includes("`") ? ["`` ", " ``"] : ["`", "`"];
	return quotes.join(text.replaceAll("|", "\\|"));
}

/** The table of the README, in Markdown. @throws Error if an answer was wrong: such figures are not published */
export function callsMarkdown(rows: readonly CallRow[]): string {
	const wrong = rows.find((row) => row.wrong > 0);
	if (wrong) throw new Error(`${wrong.transport}: ${wrong.wrong} answers were wrong`);
	const line = (cells: readonly (string | number)[]): string => `| ${cells.join(" | ")} |`;
	return [
		line([
			...["", "between", "one calls", "p50, µs", "p99, µs", "one reads the latest value"],
			...["p50, µs", "p99, µs", "lines"],
		]),
		line(["---", "---", "---", "---:", "---:", "---", "---:", "---:", "---:"]),
		...rows.map(({ transport, calls, reads }) => {
			const program = programOf(transport);
			return line([
				...[transport, program.between],
				...[code(program.calls), microseconds(calls.p50), microseconds(calls.p99)],
				...[code(program.reads), microseconds(reads.p50), microseconds(reads.p99)],
				linesOf(program),
			]);
		}),
	].join("\n");
}
