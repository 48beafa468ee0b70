import { Route } from "libipc";
import { BunProgram } from "../launcher/bun_program.ts";
import { type Load, type LoadOrder, type LoadReport, ROUTE } from "./load_side.ts";
import type { Measured } from "./measured.ts";

let measured = 0;

/** Two Bun processes, which end with the measurement. */
export async function measureLibipc(options: Omit<Load, "prefix">, signal: AbortSignal): Promise<Measured> {
	const load: Load = { ...options, prefix: `load${process.pid}.${measured++}` };
	const start = (side: LoadOrder["side"]): BunProgram<LoadOrder, LoadReport> =>
		new BunProgram({
			name: `the ${side} of libipc`,
			program: new URL("load_side.program.ts", import.meta.url),
			signal,
		});
	try {
		await using receiver = start("receiver");
		await using sender = start("sender");
		receiver.send({ side: "receiver", load });
		sender.send({ side: "sender", load });
		// The first failure ends the wait; the other side is then killed.
		const [times, [reachedNs = Number.NaN]] = await Promise.all([receiver.report(), sender.report()]);
		return { reachedNs, times };
	} finally {
		// Killed processes leave their segments.
		Route.clear(ROUTE, { prefix: load.prefix });
	}
}
