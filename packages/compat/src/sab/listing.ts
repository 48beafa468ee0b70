import { headerLong, UNIT } from "@libipc/protocol";
import type { Segment } from "../segment/segment.ts";
import type { ListedLeases } from "./listed_leases.ts";

/** What the files that make up a listing share: `native/src/listing.h`. */

/** How many entries of a table have been used at some time. */
export const entriesUsed = ({ words }: Segment, index: number, most: number): number =>
	Math.min((words[index] as number) >>> 0, most);

/** The low 32 bits of head, signed as all positions are. */
export const headOf = ({ longs }: Segment): number => Number(BigInt.asIntN(32, longs[headerLong.head] as bigint));

/** A position at most 2^32 units before head, in bytes. `announced` is near enough to head to give its high half. */
export function bytesBefore(segment: Segment, position: number): number {
	const announced = segment.longs[headerLong.announced] as bigint;
	const head = headOf(segment);
	const wholeHead = announced + BigInt((head - Number(BigInt.asIntN(32, announced))) | 0);
	return Number(wholeHead - BigInt((head - position) >>> 0)) * UNIT;
}

/** The bytes between a position and head. More bytes than the ring holds have been overwritten. */
export const lagOf = (segment: Segment, position: number): number =>
	Math.min(((headOf(segment) - position) >>> 0) * UNIT, segment.capacity);

/** Milliseconds since a time that {@link asleepSince} gave. */
export const sleptSince = ({ platform }: Segment, since: number): number =>
	Math.max(0, (platform.monotonicMs() - since) | 0);

/** Milliseconds since a time in nanoseconds of {@link Platform.monotonicMs}'s clock. */
export const ageOf = ({ platform }: Segment, nanoseconds: bigint): number =>
	Math.max(0, platform.monotonicMs() - Math.floor(Number(nanoseconds) / 1e6));

/** The leases of a queue, by the instances of its receivers. */
export type Leases = ReadonlyMap<number, ListedLeases>;

/** For a listing that has not read them. */
export const unknownLeases: Leases = new Map();
