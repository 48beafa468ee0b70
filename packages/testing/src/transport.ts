/** Where the programs of a test run: on threads of this process, or in separate processes. */
export type Transport = "threads" | "processes";

function fromEnvironment(): Transport {
	const name = process.env.LIBIPC_TRANSPORT ?? "processes";
	if (name !== "threads" && name !== "processes")
		throw new Error(`LIBIPC_TRANSPORT must be "threads" or "processes". It was "${name}".`);
	return name;
}

/** The transport that LIBIPC_TRANSPORT names; without it, processes. */
export const transport: Transport = fromEnvironment();
