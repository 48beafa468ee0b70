import { Status } from "@libipc/protocol";
import type { Symbols } from "./declarations.ts";

/** What most calls of a closed native object return. */
export const returnClosed = (): number => Status.closed;

/**
 * The functions of the library that an object calls: those themselves, or, once its native object was closed, those of `Closed`.
 * Every path to a closed object (an exit handler, a getter of an options object that closes the endpoint) gets `closed`, and no call
 * on the hot path has to check for it.
 */
export type OpenOrClosed<Closed extends { readonly [Name in keyof Closed]: () => unknown }> = {
	readonly [Name in keyof Closed & keyof Symbols]: (
		...args: Parameters<Symbols[Name]>
	) => ReturnType<Symbols[Name]> | ReturnType<Closed[Name]>;
};
