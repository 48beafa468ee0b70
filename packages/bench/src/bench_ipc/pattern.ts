/** The four tables of bench_ipc. */
export const patterns = ["route", "1-N", "N-1", "N-N"] as const;

export type Pattern = (typeof patterns)[number];

/** How many endpoints of which kind a row has. */
export interface Topology {
	readonly kind: "route" | "channel";
	readonly senders: number;
	readonly receivers: number;
}

export function topology(pattern: Pattern, n: number): Topology {
	switch (pattern) {
		case "route":
			return { kind: "route", senders: 1, receivers: n };
		case "1-N":
			return { kind: "channel", senders: 1, receivers: n };
		case "N-1":
			return { kind: "channel", senders: n, receivers: 1 };
		case "N-N":
			return { kind: "channel", senders: n, receivers: n };
	}
}

export const titles: Readonly<Record<Pattern, string>> = {
	route: "route: 1 sender, N receivers",
	"1-N": "channel 1-N: 1 sender, N receivers",
	"N-1": "channel N-1: N senders, 1 receiver",
	"N-N": "channel N-N: N senders, N receivers",
};
