import { loadZeroMq } from "./zeromq_module.ts";

// Loading is not enough: a runtime without the libuv calls that zeromq makes fails when a socket is made.
try {
	const { Push } = await loadZeroMq();
	new Push({ linger: 0 }).close();
} catch (error) {
	const missing = (error as { code?: unknown } | null)?.code === "ERR_MODULE_NOT_FOUND";
	console.error(missing ? `error: the npm package "zeromq" is not installed` : `error: ${error}`);
	process.exit(1);
}
