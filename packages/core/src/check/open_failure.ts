import type { EndpointKind, HandleKind, IpcErrorCode, PresentSender } from "@libipc/protocol";
import { abi, IpcError, limits, overflows, Status } from "@libipc/protocol";
import { describe, FACTORIES } from "./argument.ts";
import { errnoName } from "./errno.ts";
import { type Refusal, refusalText } from "./refusal.ts";

/**
 * Why an open or a clear failed: `ipc_failure` in `native/include/libipc/status.h`, which says when each field is set. A field that is
 * not set is 0.
 *
 * @internal
 */
export interface OpenFailure extends Refusal {
	readonly code: number;
	readonly option: number;
	readonly pid: number;
	/** Of another codec: the one that the name has. */
	readonly codec?: string;
	/** The dead-letter queue that the failure is about; of another one: the one that is set. */
	readonly deadLetter?: string;
}

function permissionText({ option, found, wanted, systemError }: OpenFailure, endpoint: string, clear: string): string {
	const user = process.geteuid?.() ?? "?";
	const error = systemError === 0 ? "" : ` (${errnoName(systemError)})`;
	if (option !== abi.Option.permissions) return `This user (${user}) may not open ${endpoint}${error}.`;
	const mode = `0o${wanted.toString(8).padStart(3, "0")}`;
	const share =
		"To share a name with other users, open it with the same `permissions` everywhere, for example 0o660; without, only this user's own, private ones are opened.";
	if (found === user)
		return `This user (${user}) may not open ${endpoint} like this${error}: its file has the permissions ${mode}, more than was asked for here, so that other users could read it or write to it. ${share}`;
	return `This user (${user}) may not open or remove ${endpoint}${error}: its file belongs to user ${found} and has the permissions ${mode}. ${share} If it should not be there, user ${found} or root can remove it with ${clear}.`;
}

const ENDPOINTS: readonly string[] = ["route", "channel", "queue"];

/** The public name of an `ipc_option`. */
function optionName(number: number, kind: EndpointKind | HandleKind): string {
	const [name = ""] = Object.entries(abi.Option).find(([, each]) => each === number) ?? [];
	if (name === "size" && kind === "latest") return "maxLength";
	return name === "maxReceivers" && !ENDPOINTS.includes(kind) ? "maxHandles" : name;
}

/**
 * The error for a route that has a sender.
 *
 * @param waited - What the caller has done before; empty: nothing.
 */
export function hasSenderError(name: string, endpoint: string, { pid, isHere }: PresentSender, waited = ""): IpcError {
	return new IpcError(
		"ERR_IPC_HAS_SENDER",
		name,
		isHere
			? `${endpoint} has a sender already, in this process (${pid})${waited}. The usual reason is a module that was evaluated again (bun --hot, Vite, Next), or another Worker. A route has one sender: keep the first one and use it again, or close it before the module is evaluated again; for several, use a Channel. See docs/guide/reloading.md.`
			: `${endpoint} has a sender already, in process ${pid}${waited}. A route has one: close that one first, wait until it has left (Route.sender(name, { wait: 5000 })), or use a Channel for several.`,
	);
}

/** The code of a failure that the system caused, and that says what the system refused; `undefined`: another failure. */
export function refusedCode({ code, cause = 0, option }: OpenFailure): IpcErrorCode | undefined {
	if (cause === 0 || option === abi.Option.permissions) return undefined;
	if (code === Status.permission) return "ERR_IPC_PERMISSION";
	if (code === Status.noSpace) return "ERR_IPC_NO_SPACE";
	return code === Status.system ? "ERR_IPC_SYSTEM" : undefined;
}

/**
 * The error for an open, or another call on a name, that failed.
 *
 * @param call - What the system refused, if it did.
 * @param codec - The id of the codec that the name was opened with.
 * @internal
 */
export function openFailure(
	failure: OpenFailure,
	kind: EndpointKind | HandleKind,
	prefix: string,
	name: string,
	call: "open" | "clear" | "grow" | "map" = "open",
	codec = "",
): IpcError {
	const other = failure.option === abi.Option.deadLetter ? "" : (failure.deadLetter ?? "");
	const endpoint = describe(kind, prefix, other === "" ? name : other);
	const factory = FACTORIES[kind];
	const clear = `${factory}.clear(${JSON.stringify(name)}${prefix === "" ? "" : `, { prefix: ${JSON.stringify(prefix)} }`})`;
	const error = failure.systemError === 0 ? "" : ` (${errnoName(failure.systemError)})`;
	const refused = refusedCode(failure);
	if (refused !== undefined) return new IpcError(refused, name, refusalText(`${call} ${endpoint}`, failure));
	const { found, wanted } = failure;
	switch (failure.code) {
		case Status.invalidName:
			return new IpcError("ERR_IPC_INVALID_NAME", name, `The name of ${endpoint} is not usable on this system.`);
		case Status.hasSender:
			return hasSenderError(name, endpoint, { pid: failure.pid, isHere: found !== 0 });
		case Status.tooManyReceivers:
			return new IpcError(
				"ERR_IPC_TOO_MANY_RECEIVERS",
				name,
				`${endpoint} has ${wanted} receivers, as many as its creator allowed. Open it with a larger maxReceivers (up to 1024) first, or close one.`,
			);
		case Status.tooManySenders:
			return new IpcError(
				"ERR_IPC_TOO_MANY_SENDERS",
				name,
				`${endpoint} has ${wanted} senders, which is the limit${kind === "route" || wanted === limits.maxSenders ? "" : ` of a ring of up to 64 KiB. A larger capacity has room for ${limits.maxSenders}`}. Close one.`,
			);
		case Status.optionsMismatch: {
			const option = optionName(failure.option, kind);
			if (option === "codec")
				return new IpcError(
					"ERR_IPC_OPTIONS_MISMATCH",
					name,
					`${endpoint} is in use with the codec ${JSON.stringify(failure.codec)}, which process ${failure.pid} has set, and was opened here with ${JSON.stringify(codec)}. Use the same codec everywhere, another name for other messages, or no codec to read bytes.`,
				);
			if (option === "deadLetter")
				return new IpcError(
					"ERR_IPC_OPTIONS_MISMATCH",
					name,
					`${endpoint} is in use with deadLetter ${JSON.stringify(failure.deadLetter)}, and was opened here with another one. The first receiver that has the option decides; pass the same value, or leave it out.`,
				);
			if (option === "size")
				return new IpcError(
					"ERR_IPC_OPTIONS_MISMATCH",
					name,
					`${endpoint} is in use with ${found} bytes, fewer than the ${wanted} asked for. Ask for no more, leave the rest to grow(), or have it created larger.`,
				);
			const show = (value: number): string => {
				if (option === "robust" || option === "stamp") return String(value !== 0);
				if (option === "permissions") return `0o${value.toString(8)}`;
				return option === "overflow" ? `"${overflows[value - 1] ?? value}"` : String(value);
			};
			return new IpcError(
				"ERR_IPC_OPTIONS_MISMATCH",
				name,
				`${endpoint} is in use with ${option} ${show(found)}, and was opened here with ${show(wanted)}. The first open of a name decides; pass the same value, or leave it out.`,
			);
		}
		case Status.tooManyHandles:
			return new IpcError(
				"ERR_IPC_TOO_MANY_HANDLES",
				name,
				`${endpoint} is open ${wanted} times, as often as its creator allowed. Open it with a larger maxHandles (up to 1024) first, or close one.`,
			);
		case Status.exists:
			return new IpcError(
				"ERR_IPC_EXISTS",
				name,
				`${endpoint} was to be created, but it is open already. Use mode "create-or-open" to share it, or another name.`,
			);
		case Status.notFound:
			return new IpcError(
				"ERR_IPC_NOT_FOUND",
				name,
				`${endpoint} was to be opened, but it is not open anywhere. Have it created first (mode "create" or "create-or-open"), and kept open: it is gone with its last handle.`,
			);
		case Status.orphaned:
			return new IpcError(
				"ERR_IPC_ORPHANED",
				name,
				`The name of ${endpoint} was removed (unlink, clear, or its file was deleted) while this handle was open. What was mapped stays as it is; it cannot grow. Close it and open the name again.`,
			);
		case Status.forked:
			return new IpcError(
				"ERR_IPC_FORKED",
				name,
				`This process is a fork of the process that opened ${endpoint}, which still owns it. Close it here (this does not affect the other process) and open the name again.`,
			);
		case Status.version: {
			const made = `${endpoint} was made by another version of libipc (memory layout ${found}, here ${wanted})`;
			return new IpcError(
				"ERR_IPC_VERSION",
				name,
				failure.systemError === 0
					? `${made}, and a running process has it open. Use one version in all processes: end those of the other version, and the next open replaces what they leave. ${clear} takes the name from them.`
					: `${made}, and it could not be replaced: the system does not say whether a process has it open${error}. Use one version in all processes; if none of the other version is running any more, remove it with ${clear}.`,
			);
		}
		case Status.foreign:
			return new IpcError(
				"ERR_IPC_FOREIGN",
				name,
				wanted === 1 && found > 1
					? `The file of ${endpoint} in shared memory has ${found} names (hard links), so it is another file as well, and is not touched. If no program needs this name, remove it with ${clear}.`
					: `What has the name of ${endpoint} in shared memory is not a libipc segment${error}. If no program needs it, remove it with ${clear}.`,
			);
		case Status.corrupt:
			return new IpcError(
				"ERR_IPC_CORRUPT",
				name,
				wanted > 0 && found < wanted
					? `The shared memory of ${endpoint} is truncated: ${found} bytes instead of ${wanted}. Remove it with ${clear} and open it again.`
					: `The header of ${endpoint} in shared memory is damaged. Remove it with ${clear} and open it again.`,
			);
		case Status.permission:
			return new IpcError("ERR_IPC_PERMISSION", name, permissionText(failure, endpoint, clear));
		case Status.noSpace:
			return new IpcError(
				"ERR_IPC_NO_SPACE",
				name,
				`There is no shared memory left for ${endpoint}${wanted > 0 ? `, which needs ${wanted} bytes` : ""}${error}. Choose a smaller capacity or size, close other names, or enlarge shared memory (on Linux: /dev/shm).`,
			);
		case Status.busy:
			return new IpcError(
				"ERR_IPC_BUSY",
				name,
				`${endpoint} could not be opened within 5 s: another process that is opening or closing it seems to be stopped. Continue it (SIGCONT) or end it.`,
			);
		case Status.invalidArgument:
			return new IpcError("ERR_IPC_INVALID_ARGUMENT", name, `The engine refused an option of ${endpoint} (${found}).`);
		default:
			return new IpcError("ERR_IPC_SYSTEM", name, `The system could not open ${endpoint}${error}.`);
	}
}
