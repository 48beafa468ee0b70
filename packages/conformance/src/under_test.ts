/**
 * The package that this suite is about: `libipc`, or the one that LIBIPC_PACKAGE names. Which engine moves the bytes is
 * that package's affair (LIBIPC_ENGINE).
 */
import type * as libipc from "libipc";

export type {
	AsyncWaitOptions,
	Batch,
	Endpoint,
	EndpointFactory,
	EndpointOptions,
	Handle,
	HandleKind,
	HandleOptions,
	IpcErrorCode,
	Lease,
	ListedName,
	Loan,
	Lock,
	LockGuard,
	Message,
	Overflow,
	PeerEvent,
	Permit,
	QueueReceiver,
	Receiver,
	ReceiverOptions,
	SemaphoreOptions,
	Sender,
	SharedMemoryOptions,
	WaitOptions,
	WordWait,
} from "libipc";

const loaded = (await import(process.env.LIBIPC_PACKAGE || "libipc")) as typeof libipc;

export const {
	Channel,
	clear,
	Condition,
	IpcError,
	list,
	Mutex,
	monotonicNs,
	Queue,
	Route,
	RwLock,
	Semaphore,
	SharedMemory,
} = loaded;

export type Condition = libipc.Condition;
export type IpcError = libipc.IpcError;
export type Mutex = libipc.Mutex;
export type RwLock = libipc.RwLock;
export type Semaphore = libipc.Semaphore;
export type SharedMemory = libipc.SharedMemory;
