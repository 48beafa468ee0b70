/**
 * The package that this suite is about: `libipc`, or, in Bun, `@libipc/compat` if LIBIPC_PACKAGE says so. Which engine moves
 * the bytes is that package's affair (LIBIPC_ENGINE).
 *
 * Without a top-level await: Node 22 crashes when a Worker is terminated while it runs a module that another one with an
 * await has made wait.
 */
import * as compat from "@libipc/compat";
import * as libipc from "libipc";

export type {
	AsyncWaitOptions,
	Batch,
	Codec,
	Endpoint,
	EndpointFactory,
	EndpointOptions,
	Handle,
	HandleKind,
	HandleOptions,
	IpcErrorCode,
	LatestOptions,
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
	SignalOptions,
	StandardSchema,
	WaitOptions,
	WordWait,
} from "libipc";

export const {
	Channel,
	clear,
	defineChannel,
	defineQueue,
	defineRoute,
	Condition,
	IpcError,
	Latest,
	list,
	listen,
	merge,
	Mutex,
	monotonicNs,
	Queue,
	Route,
	RwLock,
	Semaphore,
	SharedMemory,
	Signal,
} = process.env.LIBIPC_PACKAGE === "@libipc/compat" ? compat : libipc;

/** The whole package, for `createWeb` of `libipc/web`. */
export const library = process.env.LIBIPC_PACKAGE === "@libipc/compat" ? compat : libipc;

export type Condition = libipc.Condition;
export type IpcError = libipc.IpcError;
export type Latest = libipc.Latest;
export type Mutex = libipc.Mutex;
export type RwLock = libipc.RwLock;
export type Semaphore = libipc.Semaphore;
export type SharedMemory = libipc.SharedMemory;
export type Signal = libipc.Signal;
