import { clearNative, type ListedName, type ListOptions, listNative } from "@libipc/protocol";
import { library } from "./library.ts";

/**
 * What names there are on this machine and who is on them, sorted by prefix, name and kind.
 *
 * It is a look that disturbs nobody: it takes no lock and waits for nobody, not even for stopped processes. What killed
 * processes left behind is told too, with the state `leftover`; so is what is damaged, foreign, or another user's.
 *
 * @throws IpcError `ERR_IPC_INVALID_ARGUMENT` or `ERR_IPC_INVALID_NAME` for a prefix that cannot be one; `ERR_IPC_SYSTEM`,
 * `ERR_IPC_PERMISSION` or `ERR_IPC_NO_SPACE` if the system does not let us look
 *
 * @example
 * import { list, Route } from "@libipc/core";
 *
 * using receiver = Route.receiver("prices", { prefix: "shop" });
 * for (const { kind, name, state, endpoints } of list({ prefix: "shop" })) {
 *   console.log(`${kind} ${name}: ${state}`);
 *   for (const { role, pid, lag, sleeping } of endpoints)
 *     console.log(`  ${role} in process ${pid}, ${lag} bytes behind${sleeping ? ", asleep" : ""}`);
 * }
 */
export function list(options?: ListOptions): ListedName[] {
	return listNative(library, options);
}

/**
 * Removes what killed processes left behind, and answers what it removed, as it was listed.
 *
 * There is no need to: the next to open a name replaces what is left of it. It gives memory back of names that nobody will open
 * again. What anybody alive is on stays, also if they are just opening it; so do files that are damaged, foreign, or of
 * another version, which `Route.clear(name)`, `Channel.clear(name)` remove by name.
 *
 * @throws IpcError as {@link list}
 *
 * @example
 * import { clear } from "@libipc/core";
 *
 * for (const { kind, name, byteLength } of clear({ prefix: "shop" }))
 *   console.log(`${kind} ${name}: ${byteLength} bytes given back`);
 */
export function clear(options?: ListOptions): ListedName[] {
	return clearNative(library, options);
}
