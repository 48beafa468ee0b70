import type { RoundReport } from "./tally.ts";

/** What a receiver tells the sender beside the measured transport. */
export type ReceiverEvent = { readonly kind: "ready" } | ({ readonly kind: "round" } & RoundReport);
