import type { Web } from "./create_web.ts";

/** Replaces `BroadcastChannel` and `navigator.locks` of this thread. */
export function installOn(
	scope: typeof globalThis,
	{ BroadcastChannel, locks }: Pick<Web, "BroadcastChannel" | "locks">,
): void {
	const define = (target: object, name: string, value: unknown, enumerable: boolean): void => {
		Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable });
	};
	define(scope, "BroadcastChannel", BroadcastChannel, false);
	// Node 20 has no navigator.
	if (!("navigator" in scope)) define(scope, "navigator", {}, true);
	define(scope.navigator, "locks", locks, true);
}
