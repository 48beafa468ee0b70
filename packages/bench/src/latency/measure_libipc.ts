import { fileURLToPath } from "node:url";
import { Route } from "@libipc/core";
import { Player } from "../launcher/player.ts";
import { PING, PONG, type Rally, type Role } from "./ping_pong.ts";

let rallies = 0;

/** Two Bun processes play: nanoseconds of each round trip, without the time the ponger held its answer. */
export async function measureLibipc(options: Omit<Rally, "prefix">, signal: AbortSignal): Promise<Float64Array> {
	const rally: Rally = { ...options, prefix: `latency${process.pid}.${rallies++}` };
	try {
		await using ponger = start("ponger", rally, signal);
		await using pinger = start("pinger", rally, signal);
		// Whoever fails first ends the wait; the other is killed on the way out.
		const [times, held] = (await Promise.all([pinger.output(), ponger.output()])).map((b) => new Float64Array(b));
		if (times?.length !== rally.rounds || held?.length !== rally.rounds)
			throw new Error("a side of the ping-pong reported a wrong number of rounds");
		return times.map((time, round) => time - (held[round] ?? 0));
	} finally {
		// Killed processes leave their segments to whoever comes next: nobody will.
		for (const name of [PING, PONG]) Route.clear(name, { prefix: rally.prefix });
	}
}

function start(role: Role, rally: Rally, signal: AbortSignal): Player {
	const script = fileURLToPath(new URL("ping_pong.process.ts", import.meta.url));
	return new Player(
		`the ${role} of libipc`,
		[process.execPath, script, JSON.stringify(role), JSON.stringify(rally)],
		signal,
	);
}
