import { expect, test } from "bun:test";
import { answers, isWhole, type Quote, quoteOf, symbolAt } from "./quote.ts";

const numbers = [0, 1, 2, 3, 999, 1_000, 123_457];

test.each(numbers)("question %d has one right answer", (number) => {
	const symbol = symbolAt(number);
	const quote = quoteOf(symbol, number);
	expect(answers(quote, symbol, number)).toBe(true);
	expect(isWhole(quote)).toBe(true);
	expect(answers(quote, symbolAt(number + 1), number)).toBe(false);
	expect(answers(quote, symbol, number + 4)).toBe(false);
});

test.each(["symbol", "number", "price"] as const)("a %s of another quote is wrong", (field) => {
	const [one, other] = [quoteOf(symbolAt(5), 5), quoteOf(symbolAt(6), 6)];
	const mixed: Quote = { ...one, [field]: other[field] };
	expect(answers(mixed, one.symbol, one.number)).toBe(false);
	expect(isWhole(mixed)).toBe(false);
});

test("a field of another type is wrong", () => {
	const quote = { ...quoteOf(symbolAt(0), 0), number: "0" } as unknown as Quote;
	expect(answers(quote, symbolAt(0), 0)).toBe(false);
	expect(isWhole(quote)).toBe(false);
});
