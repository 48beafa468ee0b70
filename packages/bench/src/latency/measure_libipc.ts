import { Route } from "libipc";
import { BunProgram } from "../launcher/bun_program.ts";
import { PING, type PingPong, PONG, type Side, type SideOrder } from "./ping_pong.ts";

let measured = 0;

/** Two Bun processes: nanoseconds of each round trip, without the time for which the echoing side held its answer. */
export async function measureLibipc(options: Omit<PingPong, "prefix">, signal: AbortSignal): Promise<Float64Array> {
	const pingPong: PingPong = { ...options, prefix: `latency${process.pid}.${measured++}` };
	const start = (side: Side): BunProgram<SideOrder, Float64Array> =>
		new BunProgram({
			name: `the ${side} side of libipc`,
			program: new URL("ping_pong.program.ts", import.meta.url),
			signal,
		});
	try {
		await using echo = start("echo");
		await using ping = start("ping");
		echo.send({ side: "echo", pingPong });
		ping.send({ side: "ping", pingPong });
		// The first failure ends the wait; the other side is then killed.
		const [times, held] = await Promise.all([ping.report(), echo.report()]);
		if (times.length !== pingPong.rounds || held.length !== pingPong.rounds)
			throw new Error("a side of the ping-pong reported a wrong number of rounds");
		return times.map((time, round) => time - (held[round] ?? 0));
	} finally {
		// Killed processes leave their segments.
		for (const name of [PING, PONG]) Route.clear(name, { prefix: pingPong.prefix });
	}
}
