import { loadZeroMq } from "./zeromq_module.ts";

// Loading is not enough: a runtime without the libuv calls that zeromq makes fails when a socket is made.
try {
	const { Push } = await loadZeroMq(process.argv[2] ?? "");
	new Push({ linger: 0 }).close();
} catch (error) {
	console.error(`error: ${error}`);
	process.exit(1);
}
