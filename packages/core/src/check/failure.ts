import { IpcError, Status } from "@libipc/protocol";

/** The error for a status that a call on an open endpoint returned. `endpoint` is the result of `describe`. */
export function failure(status: number, name: string, endpoint: string): IpcError {
	switch (status) {
		case Status.closed:
			return new IpcError("ERR_IPC_CLOSED", name, `This endpoint of ${endpoint} was closed meanwhile. Open a new one.`);
		case Status.orphaned:
			return new IpcError(
				"ERR_IPC_ORPHANED",
				name,
				`The storage of ${endpoint} was removed (clear, or its file was deleted) while this endpoint was open. Close it and open the name again.`,
			);
		case Status.forked:
			return new IpcError(
				"ERR_IPC_FORKED",
				name,
				`This process is a fork of the process that opened ${endpoint}, which still owns it. Close it here (this does not affect the other process) and open the name again.`,
			);
		case Status.unusable:
			return new IpcError(
				"ERR_IPC_UNUSABLE",
				name,
				`${endpoint} was given up by an owner that could not repair what a killed one had left (markUnusable). Close all its handles, or clear the name, and open it again.`,
			);
		case Status.tooManyWaits:
			return new IpcError(
				"ERR_IPC_TOO_MANY_WAITS",
				name,
				`${endpoint} has no space for another wait: it has four for each handle that may be open. Create it with a larger maxHandles.`,
			);
		case Status.corrupt:
			return new IpcError(
				"ERR_IPC_CORRUPT",
				name,
				`The shared memory of ${endpoint} is damaged: a length or position in it is impossible. Nothing more can be read or sent here; close all its endpoints, or clear the name, and open it again.`,
			);
		case Status.busy:
			return new IpcError(
				"ERR_IPC_BUSY",
				name,
				`Nothing could be put back on ${endpoint} within 5 s: another process that is using it seems to be stopped. Continue it (SIGCONT) or end it.`,
			);
		case Status.noSpace:
			return new IpcError(
				"ERR_IPC_NO_SPACE",
				name,
				`There is no memory left for a message or a batch on ${endpoint}. Nothing was lost: a message to be received stays the next one.`,
			);
		default:
			return new IpcError(
				"ERR_IPC_SYSTEM",
				name,
				`The engine of ${endpoint} returned an unexpected status (${status}). Please report it.`,
			);
	}
}

/** What to throw when a closed endpoint is used. */
export function closedError(name: string, endpoint: string, role: "sender" | "receiver" | "handle"): IpcError {
	return new IpcError("ERR_IPC_CLOSED", name, `This ${role} of ${endpoint} is closed. Open a new one.`);
}
