import { Channel, Queue, Route } from "libipc";

/** The factory of a kind, for programs that are told it in words. */
export const factories = { route: Route, channel: Channel, queue: Queue } as const;
export type Kind = keyof typeof factories;

/** A test that waits longer than this hangs. */
export const PATIENCE_MS = 30_000;
