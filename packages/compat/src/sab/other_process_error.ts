import { IpcError } from "@libipc/protocol";
import { engineChoice } from "../engine_choice.ts";

/** The error of a name that is open in another process: this engine shares names only within its own process. */
export const otherProcessError = (what: string, name: string, pid: number): IpcError =>
	new IpcError(
		"ERR_IPC_ENGINE",
		name,
		`${what} is open in process ${pid}, but here names are shared only between the threads of one process. ${engineChoice().whyNotNative}`.trim(),
	);
