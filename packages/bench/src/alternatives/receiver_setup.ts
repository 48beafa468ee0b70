/** What a receiver must know before the first message; it travels as one JSON argument. */
export interface ReceiverSetup {
	readonly min: number;
	readonly max: number;
	/** Where to connect, for transports that have an address. */
	readonly address?: string;
	/** The URL of a module that the transport needs. */
	readonly module?: string;
}

/** The setup this process or Worker was started with. */
export function readReceiverSetup(): ReceiverSetup {
	const argument = process.argv[2];
	if (argument === undefined) throw new Error("This file is started by the benchmark, with its setup as argument.");
	return JSON.parse(argument);
}
