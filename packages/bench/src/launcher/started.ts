/** The side of a program that a launcher has started, in a process or in a Worker. */
import { isMainThread, parentPort } from "node:worker_threads";
import type { OrderMessage, ReportMessage } from "./program.ts";

// The launcher has ended, or it asks this process to end.
if (isMainThread) process.on("disconnect", () => process.exit());

function post(message: ReportMessage<unknown>): void {
	if (isMainThread) process.send?.(message);
	else parentPort?.postMessage(message);
}

/** Sends a report to the launcher. */
export function report<Report>(report: Report): void {
	post({ report });
}

/**
 * Handles orders, one after another, and reports the result of each. In a Worker `close` runs before the program ends as
 * asked; a process exits, which closes what it has open.
 */
export function serve<Order, Report>(
	handle: (order: Order) => Report | Promise<Report>,
	close: () => void = () => {},
): void {
	const take = async (message: OrderMessage<Order>): Promise<void> => {
		if ("end" in message) {
			close();
			parentPort?.close();
			return;
		}
		try {
			report(await handle(message.order));
		} catch (error) {
			post({ error: error instanceof Error ? error.message : String(error) });
		}
	};
	if (isMainThread) process.on("message", take);
	else parentPort?.on("message", take);
}
