/** Where a measurement in Node finds what it needs. */
export interface NodePlaces {
	/** A directory for sockets. */
	readonly directory: string;
	/** The URL of the module zeromq, for the transport that needs it. */
	readonly zeromq: string;
}
