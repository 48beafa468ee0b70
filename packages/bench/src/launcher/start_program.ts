import { BunProgram } from "./bun_program.ts";
import type { Program, ProgramOptions } from "./program.ts";
import { WorkerProgram } from "./worker_program.ts";

/** Where a program runs. */
export const transports = ["process", "worker"] as const;
export type Transport = (typeof transports)[number];

export function startProgram<Order, Report>(transport: Transport, options: ProgramOptions): Program<Order, Report> {
	return transport === "process" ? new BunProgram(options) : new WorkerProgram(options);
}
