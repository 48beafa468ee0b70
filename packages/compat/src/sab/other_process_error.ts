import { IpcError } from "@libipc/protocol";
import { engineChoice } from "../engine_choice.ts";

/** The name is in shared memory, and this engine has only that of its own process. */
export const otherProcessError = (what: string, name: string, pid: number): IpcError =>
	new IpcError(
		"ERR_IPC_ENGINE",
		name,
		`${what} lives in process ${pid}, and here names are shared between the threads of one process only. ${engineChoice().whyNotNative}`.trim(),
	);
