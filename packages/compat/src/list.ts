import { clearNative, type ListedName, type ListOptions, listNative } from "@libipc/protocol";
import { engineChoice } from "./engine_choice.ts";
import { library } from "./ffi/library.ts";
import { clearHub, listHub } from "./sab_list.ts";

function isNative(): boolean {
	const { name, failure } = engineChoice();
	if (failure) throw failure;
	return name === "native";
}

/**
 * What names there are and who is on them, sorted by prefix, name and kind: those of this machine, or, between threads, those of
 * this process, whose `path` is empty.
 *
 * It is a look that disturbs nobody: it waits for nobody, not even for stopped processes. What killed processes or threads left
 * behind is told too, with the state `leftover`; so is what is damaged, foreign, or another user's.
 *
 * @throws IpcError `ERR_IPC_INVALID_ARGUMENT` or `ERR_IPC_INVALID_NAME` for a prefix that cannot be one; `ERR_IPC_SYSTEM`,
 * `ERR_IPC_PERMISSION` or `ERR_IPC_NO_SPACE` if the system does not let us look; between threads `ERR_IPC_ENGINE` in a Worker
 * that was made before the package was imported, `ERR_IPC_BUSY` if a thread that opens a name is stopped
 *
 * @example
 * import { list, Route } from "@libipc/compat";
 *
 * const receiver = Route.receiver("prices", { prefix: "shop" });
 * for (const { kind, name, state, endpoints } of list({ prefix: "shop" })) {
 *   console.log(`${kind} ${name}: ${state}`);
 *   for (const { role, pid, lag, sleeping } of endpoints)
 *     console.log(`  ${role} in process ${pid}, ${lag} bytes behind${sleeping ? ", asleep" : ""}`);
 * }
 */
export function list(options?: ListOptions): ListedName[] {
	return isNative() ? listNative(library, options) : listHub(options);
}

/**
 * Removes what killed processes or threads left behind, and answers what it removed, as it was listed.
 *
 * There is no need to: the next to open a name replaces what is left of it. It gives memory back of names that nobody will open
 * again. What anybody alive is on stays, also if they are just opening it; so do files that are damaged, foreign, or of
 * another version, which `Route.clear(name)`, `Channel.clear(name)` remove by name.
 *
 * @throws IpcError as {@link list}
 *
 * @example
 * import { clear } from "@libipc/compat";
 *
 * for (const { kind, name, byteLength } of clear({ prefix: "shop" }))
 *   console.log(`${kind} ${name}: ${byteLength} bytes given back`);
 */
export function clear(options?: ListOptions): ListedName[] {
	return isNative() ? clearNative(library, options) : clearHub(options);
}
