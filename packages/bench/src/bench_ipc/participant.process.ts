/** A participant in a process of its own: orders and reports travel over Bun's ipc pipe. */
import { type Order, serve } from "./participant.ts";

const obey = serve(
	(report) => process.send?.(report),
	() => process.exit(0),
);
process.on("message", (order) => obey(order as Order));
// The parent is gone, however it went: so are we.
process.on("disconnect", () => process.exit(1));
