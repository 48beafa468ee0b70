/** The types, the one class and the functions that every package of libipc exports in addition to the values of `Api`. */
export type {
	ClearOptions,
	EndpointKind,
	EngineInfo,
	HandleKind,
	IpcErrorCode,
	LetterOrigin,
	ListedEndpoint,
	ListedName,
	ListedState,
	ListOptions,
	Overflow,
	SchemaIssue,
	SchemaPathSegment,
	SharedMemoryMode,
} from "@libipc/protocol";
export { IpcError } from "@libipc/protocol";
export { type Listening, type ListenOptions, type ListenToLeasesOptions, listen } from "./adapter/listen.ts";
export { type Merged, merge } from "./adapter/merge.ts";
export type {
	AsyncWaitOptions,
	Batch,
	DrainOptions,
	Endpoint,
	EndpointFactory,
	EndpointOptions,
	Flushed,
	IterationOptions,
	Lease,
	Loan,
	Message,
	NameWaitAsyncOptions,
	NameWaitOptions,
	PeerEvent,
	QueueReceiver,
	QueueReceiverOptions,
	Receiver,
	ReceiverOptions,
	Refusal,
	RetryOptions,
	RouteFactory,
	RouteSenderAsyncOptions,
	RouteSenderOptions,
	Sender,
	Sending,
	ValueReceiverOf,
	WaitOptions,
} from "./endpoint/types.ts";
export type { LatestFactory } from "./latest/latest_factory.ts";
export type {
	Latest,
	LatestHandle,
	LatestOptions,
	LatestWaitAsyncOptions,
	LatestWaitOptions,
	ValueLatest,
	ValueLatestOptions,
} from "./latest/latest_types.ts";
export type { Condition, ConditionFactory } from "./lock/condition.ts";
export type { Handle, HandleOptions } from "./lock/handle.ts";
export type { Lock, LockGuard } from "./lock/lock.ts";
export type { Mutex, MutexFactory } from "./lock/mutex.ts";
export type { RwLock, RwLockFactory } from "./lock/rwlock.ts";
export type { Permit, Semaphore, SemaphoreFactory, SemaphoreOptions } from "./lock/semaphore.ts";
export type { SharedMemory, SharedMemoryFactory, SharedMemoryOptions, WordWait } from "./lock/shared_memory.ts";
export type { Signal, SignalFactory, SignalOptions } from "./lock/signal.ts";
export type { Latency, Stamp } from "./stamp/stamp_types.ts";
export type { Codec, CodecEndpoint, CodecInto } from "./value/codec.ts";
export type {
	DefineChannel,
	DefineQueue,
	DefineRoute,
	Definition,
	DefinitionOptions,
	OpenOptions,
	QueueDefinitionOptions,
	RouteDefinition,
	SchemaDefinitionOptions,
	ValueDefinitionOptions,
} from "./value/define_types.ts";
export type {
	SchemaFailure,
	SchemaInput,
	SchemaOutput,
	SchemaResult,
	SchemaSuccess,
	SchemaTypes,
	StandardSchema,
} from "./value/standard_schema.ts";
export type {
	InvalidOptions,
	ValueLease,
	ValueOptions,
	ValueQueueReceiver,
	ValueReceiver,
	ValueReceiverOptions,
	ValueSender,
	ValueSenderOptions,
} from "./value/value_types.ts";
