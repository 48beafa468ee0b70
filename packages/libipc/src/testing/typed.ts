// Compiled against what is packed: with the types of the package, as Node resolves them.
import { defineQueue, IpcError, type IpcErrorCode, type Receiver, Route } from "libipc";
import { json } from "libipc/codecs";
import { BroadcastChannel, locks } from "libipc/web";

export function read(receiver: Receiver): Uint8Array | null {
	return receiver.tryRecv();
}

export const code = (error: unknown): IpcErrorCode | undefined => (error instanceof IpcError ? error.code : undefined);

// @ts-expect-error: a name is a string
Route.sender(5);

const jobs = defineQueue("jobs", { codec: json<{ resize: string }>() });
export const job = (): string | undefined => jobs.receiver().take()?.value.resize;

// @ts-expect-error: a job is not a number
jobs.sender().send(5);

export const news: BroadcastChannel = new BroadcastChannel("news");
news.onmessage = ({ data, target }) => console.log(data, target);
news.onmessageerror = ({ lost, error }) => console.log(lost + 1, error);

export const mode = (): Promise<"exclusive" | "shared" | undefined> =>
	locks.request("accounts", { ifAvailable: true }, async (lock) => lock?.mode);

// @ts-expect-error: with ifAvailable, there may be no lock
locks.request("accounts", { ifAvailable: true }, (lock) => lock.mode);
