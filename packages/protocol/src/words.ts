import { fragment, header, LINE, MARK_BYTES, SLOT_BYTES, slot, WAIT_BYTES, wait } from "./layout.ts";

/**
 * The fields of layout.ts as indices of typed arrays: `…Word` of an `Int32Array`, `…Long` of a `BigInt64Array`, both from the
 * start of the struct. A long as two words has its low half at `…Word`, and its high half one word later.
 *
 * A file on the way of each message copies its indices into local constants: `const { head: HEAD } = headerWord;`. V8 folds
 * those, but loads the property of an imported object each time, which costs 2 to 5 % of a message.
 */

type Indices<Fields> = { readonly [Name in keyof Fields]: number };

const indices = <Fields extends Readonly<Record<string, number>>>(fields: Fields, bytes: number): Indices<Fields> =>
	Object.fromEntries(Object.entries(fields).map(([name, offset]) => [name, offset / bytes])) as Indices<Fields>;

export const headerWord: Indices<typeof header> = /* @__PURE__ */ indices(header, 4);
export const headerLong: Indices<typeof header> = /* @__PURE__ */ indices(header, 8);
export const slotWord: Indices<typeof slot> = /* @__PURE__ */ indices(slot, 4);
export const slotLong: Indices<typeof slot> = /* @__PURE__ */ indices(slot, 8);
export const waitWord: Indices<typeof wait> = /* @__PURE__ */ indices(wait, 4);
export const fragmentWord: Indices<typeof fragment> = /* @__PURE__ */ indices(fragment, 4);

/** From one entry of a table to the next. */
export const SLOT_WORDS: number = SLOT_BYTES / 4;
export const WAIT_WORDS: number = WAIT_BYTES / 4;
export const MARK_WORDS: number = MARK_BYTES / 4;
/** From the wait word of one event to that of the next. */
export const EVENT_WORDS: number = LINE / 4;
