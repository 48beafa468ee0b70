// The types of a CommonJS project: values, their types, and types that share a name with a value.
import { IpcError, type IpcErrorCode, Mutex, type Receiver, Route } from "libipc";

import core = require("@libipc/core");

import { Queue } from "@libipc/compat";
import { json } from "libipc/codecs";
import { BroadcastChannel } from "libipc/web";

export function read(receiver: Receiver): Uint8Array | null {
	return receiver.tryRecv();
}

export const code = (error: unknown): IpcErrorCode | undefined => (error instanceof IpcError ? error.code : undefined);

export const locked = (mutex: Mutex): boolean => mutex.acquire({ timeout: 0 }) !== null;

export const mutexes: readonly Mutex[] = [Mutex.open("accounts"), core.Mutex.open("accounts")];
export const receivers: readonly Receiver[] = [core.Route.receiver("prices"), Queue.receiver("jobs")];

// @ts-expect-error: a name is a string
Route.sender(5);

export const numbers: readonly (number | undefined)[] = [Route.receiver("numbers", { codec: json<number>() }).recv()];

export const news: BroadcastChannel = new BroadcastChannel("news");
