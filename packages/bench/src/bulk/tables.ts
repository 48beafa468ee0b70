import { newTable } from "../command/table.ts";
import type { Series } from "../statistics/series.ts";

const LOAN_BUDGET = 1.5;

export function batchTable(series: Series, bytes: number): string {
	const table = newTable([`${bytes}-byte messages`, "ns/message"], ["left", "right"]);
	table.push(
		["sendBatch → drainBatch", series.median("batch").toFixed(1)],
		["baseline in C, one by one", series.median("baseline").toFixed(1)],
	);
	return `${table.toString()}\nlibipc ÷ baseline: ${series.dividedBy("batch", "baseline").toFixed(2)}`;
}

export function largeTable(series: Series): string {
	const table = newTable(["1 MiB messages", "GB/s", "÷ memcpy 64", "÷ memcpy 1"], ["left", "right", "right", "right"]);
	for (const [title, id] of [
		["ring of 1 MiB, in fragments, send → recvInto", "fragments"],
		["ring of 16 MiB, whole, send → recvInto", "whole"],
		["ring of 16 MiB, whole, send → drain", "in place"],
		["memcpy in one process, 64 different messages", "many sources"],
		["memcpy in one process, always the same", "one source"],
	] as const)
		table.push([
			title,
			series.median(id).toFixed(1),
			series.dividedBy(id, "many sources").toFixed(2),
			series.dividedBy(id, "one source").toFixed(2),
		]);
	return `${table.toString()}
÷ memcpy: divided by a copy of as many bytes in the same run. 64: the messages come from 64 MiB of memory, as real messages do.
1: the same message is copied again and again, and stays in the cache.`;
}

export function loanTable(series: Series): string {
	const table = newTable(["loan.send() → drain", "p50 µs"], ["left", "right"]);
	for (const id of ["64 B", "4 MiB"]) table.push([id, (series.median(id) / 1000).toFixed(2)]);
	const ratio = series.dividedBy("4 MiB", "64 B").toFixed(2);
	return `${table.toString()}\n4 MiB ÷ 64 B: ${ratio} (budget ${LOAN_BUDGET})`;
}
