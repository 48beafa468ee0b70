/** The value that the typed alternatives send: an object with four fields. */
export interface Order {
	readonly id: number;
	readonly item: string;
	readonly amount: number;
	readonly price: number;
}

const ITEMS = ["espresso", "tea", "water", "croissant", "crème brûlée"] as const;

const itemAt = (sequence: number): string => ITEMS[sequence % ITEMS.length] ?? "";
const amountAt = (sequence: number): number => 1 + (sequence % 7);
/** Quarters: every format carries them without rounding. */
const priceAt = (sequence: number): number => (sequence % 1000) / 4;

/** The order that has so many before it in its round. */
export function orderAt(sequence: number): Order {
	return { id: sequence, item: itemAt(sequence), amount: amountAt(sequence), price: priceAt(sequence) };
}

/** Whether this is the order of that place in its round, with the right content. */
export function isOrderAt(order: Order, sequence: number): boolean {
	return (
		order.id === sequence &&
		order.item === itemAt(sequence) &&
		order.amount === amountAt(sequence) &&
		order.price === priceAt(sequence)
	);
}

/** Ends a round. */
export const END_OF_ROUND: Order = { id: -1, item: "", amount: 0, price: 0 };
