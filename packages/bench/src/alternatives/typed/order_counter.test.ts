import { expect, test } from "bun:test";
import { END_OF_ROUND, type Order, orderAt } from "./order.ts";
import { OrderCounter } from "./order_counter.ts";

/** What a receiver reports of a round with these orders. */
function count(orders: readonly Order[], counter = new OrderCounter()) {
	for (const order of orders) expect(counter.take(order)).toBeUndefined();
	return counter.take(END_OF_ROUND);
}

const round = (length: number): Order[] => Array.from({ length }, (_, sequence) => orderAt(sequence));

test("all orders of a round are right, in each round", () => {
	const counter = new OrderCounter();
	expect(count(round(2_000), counter)).toEqual({ delivered: 2_000, corrupt: 0 });
	expect(count(round(10), counter)).toEqual({ delivered: 10, corrupt: 0 });
});

test.each(["id", "item", "amount", "price"] as const)("an order with another %s is corrupt", (field) => {
	const orders = round(3);
	orders[1] = { ...orderAt(1), [field]: orderAt(2)[field] };
	expect(count(orders)).toEqual({ delivered: 3, corrupt: 1 });
});

test("two orders that changed places are corrupt", () => {
	expect(count([0, 2, 1, 3].map(orderAt))).toEqual({ delivered: 4, corrupt: 2 });
});

test("a field of another type is corrupt", () => {
	const order = { ...orderAt(0), id: "0" } as unknown as Order;
	expect(count([order])).toEqual({ delivered: 1, corrupt: 1 });
});
