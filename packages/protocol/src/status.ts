/** What calls of an engine return: `ipc_status` in `native/include/libipc/status.h`, which describes each status. */

/** A status above zero: the lock was acquired, and its last owner died while it held the lock. */
export const OWNER_DIED = 1;

/** A status below zero: why a call failed. */
export const Status = {
	timedOut: -1,
	noReceivers: -2,
	dropped: -3,
	notInPlace: -4,
	notEqual: -5,
	notSet: -6,
	invalidArgument: -10,
	invalidName: -11,
	messageTooLarge: -12,
	bufferTooSmall: -13,
	hasSender: -14,
	tooManyReceivers: -15,
	tooManySenders: -16,
	optionsMismatch: -17,
	version: -18,
	foreign: -19,
	corrupt: -20,
	permission: -21,
	noSpace: -22,
	orphaned: -23,
	busy: -24,
	system: -25,
	/** The object of the engine is closed. Native code never returns this. */
	closed: -26,
	notOwner: -27,
	deadlock: -28,
	unusable: -29,
	overflow: -30,
	exists: -31,
	notFound: -32,
	tooManyWaits: -33,
	tooManyHandles: -34,
	forked: -35,
} as const;
