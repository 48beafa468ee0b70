import { newTable } from "../command/table.ts";

/** A figure that others have published. It was not measured here, and the machine is another one. */
export interface PublishedFigure {
	readonly library: string;
	/** What was measured, in the words of the field. */
	readonly what: string;
	readonly figure: string;
	readonly machine: string;
	readonly source: string;
}

const ICEORYX2 = "https://github.com/eclipse-iceoryx/iceoryx2, README.md and internal/plots/*.dat (2024-09)";
const ICEORYX2_LATENCY = "one way, half of a ping-pong of 64 bytes; both sides spin; average";

/** Never in a chart with measured values: machine, message and what is counted differ. */
export const publishedFigures: readonly PublishedFigure[] = [
	{
		library: "iceoryx2 (Rust)",
		what: `${ICEORYX2_LATENCY}; two threads of one core`,
		figure: "92 to 98 ns",
		machine: "Intel i7-13700H, Linux 6.10",
		source: ICEORYX2,
	},
	{
		library: "iceoryx2 (Rust)",
		what: `${ICEORYX2_LATENCY}; two cores`,
		figure: "326 ns",
		machine: "Intel i7-13700H, Linux",
		source: ICEORYX2,
	},
	{
		library: "iceoryx2 (Rust)",
		what: `${ICEORYX2_LATENCY}; two cores`,
		figure: "222 ns",
		machine: "AMD Ryzen 7 7840S, Linux",
		source: ICEORYX2,
	},
	{
		library: "Aeron (Java, C++)",
		what: "EmbeddedIpcThroughput: 32 bytes, two threads of one process",
		figure: "30 M messages/s in Java, 32 to 33 M in C++ (30 to 33 ns each)",
		machine: "not stated",
		source: "its author, https://github.com/AdaptiveConsulting/Aeron.NET/issues/29 (2016-05)",
	},
	{
		library: "Aeron (Java)",
		what: "IPC, frames of 96 bytes; many publishers may send, or one exclusive publisher",
		figure: "23 M messages/s (43 ns each), exclusive 43 M (23 ns)",
		machine: "not stated",
		source: "a user, https://github.com/aeron-io/aeron/issues/457 (2018-01)",
	},
];

export function publishedTable(): string {
	const table = newTable(["library", "what", "figure", "machine"], ["left", "left", "left", "left"]);
	for (const { library, what, figure, machine } of publishedFigures) table.push([library, what, figure, machine]);
	const sources = [...new Set(publishedFigures.map(({ library, source }) => `${library}: ${source}`))];
	return `Published by others, on other machines, with other messages. Not measured here:\n${table.toString()}\n${sources.join("\n")}`;
}
