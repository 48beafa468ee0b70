import { constants } from "node:os";

const NAMES: ReadonlyMap<number, string> = new Map(
	Object.entries(constants.errno)
		.reverse() // of two names for one number, the first counts: EAGAIN, not EWOULDBLOCK
		.map(([name, number]) => [number, name]),
);

/** The name of an error of the system, such as `ENOSPC`. The numbers are not the same on all systems. */
export const errnoName = (number: number): string => NAMES.get(number) ?? `system error ${number}`;
