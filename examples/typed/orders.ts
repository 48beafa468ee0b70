/** What the programs in these folders send from one process to one or more others, each over another transport. */
export interface Order {
	readonly id: number;
	readonly item: string;
	readonly amount: number;
	readonly price: number;
}

export const orders: readonly Order[] = [
	{ id: 1, item: "espresso", amount: 2, price: 3.5 },
	{ id: 2, item: "tea", amount: 1, price: 2.75 },
	{ id: 3, item: "crème brûlée", amount: 3, price: 5.25 },
];
