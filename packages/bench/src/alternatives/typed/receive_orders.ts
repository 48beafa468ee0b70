import { report } from "../../launcher/started.ts";
import type { ReceiverReport } from "../receivers.ts";
import type { Order } from "./order.ts";
import { OrderCounter } from "./order_counter.ts";

/** Makes the function that a receiver calls with each order: it checks the order, and reports each round to the sender. */
export function receiveOrders(): (order: Order) => void {
	const counter = new OrderCounter();
	return (order) => {
		const round = counter.take(order);
		if (round !== undefined) report<ReceiverReport>(round);
	};
}

/** Says that this receiver gets every order that is sent from now on. */
export function ready(): void {
	report<ReceiverReport>("ready");
}
