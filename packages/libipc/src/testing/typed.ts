// Compiled against what is packed: with the types of the package, as Node resolves them.
import { IpcError, type IpcErrorCode, type Receiver, Route } from "libipc";

export function read(receiver: Receiver): Uint8Array | null {
	return receiver.tryRecv();
}

export const code = (error: unknown): IpcErrorCode | undefined => (error instanceof IpcError ? error.code : undefined);

// @ts-expect-error: a name is a string
Route.sender(5);
