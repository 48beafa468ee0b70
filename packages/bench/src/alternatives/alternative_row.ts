import { median } from "../statistics/statistics.ts";
import type { AlternativeResult } from "./alternative.ts";

/** What a transport took in one start of its processes or Workers. */
export type AlternativeStart = Omit<AlternativeResult, "runsNs">;

/** A transport to a number of receivers, as `--json` writes it. The first rows are those of libipc. */
export interface AlternativeRow extends AlternativeStart {
	/** Nanoseconds per message of each start; `nsPerMessage` is their median. */
	readonly startsNs: readonly number[];
}

/** The rows of several starts, in the order in which their transports were measured first. */
export function rowsOf(starts: readonly AlternativeStart[]): AlternativeRow[] {
	const byRow = Map.groupBy(starts, ({ transport, receivers }) => `${receivers} ${transport}`);
	return [...byRow.values()].map((own) => {
		const [{ transport, receivers }] = own as [AlternativeStart, ...AlternativeStart[]];
		const sum = (of: (start: AlternativeStart) => number): number => own.reduce((total, each) => total + of(each), 0);
		const startsNs = own.map(({ nsPerMessage }) => nsPerMessage);
		return {
			transport,
			receivers,
			nsPerMessage: median(startsNs),
			startsNs,
			delivered: sum(({ delivered }) => delivered),
			expected: sum(({ expected }) => expected),
			corrupt: sum(({ corrupt }) => corrupt),
		};
	});
}
