import { spawnSync } from "node:child_process";

/** Models that take seconds. */
export const QUICK_MODELS = ["event", "eviction", "join", "latest", "liveness", "rwlock"] as const;

/** The command that starts Spin: `$SPIN`, or `spin`; undefined if it does not run. */
export function findSpin(): string | undefined {
	const spin = process.env.SPIN || "spin";
	return spawnSync(spin, ["-V"], { stdio: "ignore" }).status === 0 ? spin : undefined;
}
