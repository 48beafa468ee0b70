export { checkBag, checkName, describe, limits } from "./argument.ts";
export {
	type Condition,
	type ConditionFactory,
	createConditionFactory,
} from "./condition.ts";
export type {
	AsyncWaitOptions,
	Batch,
	Endpoint,
	EndpointFactory,
	EndpointKind,
	EndpointOptions,
	Lease,
	Loan,
	Message,
	Overflow,
	PeerEvent,
	QueueReceiver,
	Receiver,
	ReceiverOptions,
	Sender,
	WaitOptions,
} from "./endpoint.ts";
export { createEndpointFactory, createQueueFactory } from "./endpoint_factory.ts";
export {
	type Engine,
	type EngineCondition,
	type EngineHandle,
	type EngineHandleOptions,
	type EngineLock,
	type EngineMemory,
	type EngineMutex,
	type EngineOptions,
	type EngineReceiver,
	type EngineRwLock,
	type EngineSemaphore,
	type EngineSender,
	EngineWait,
	type EngineWaits,
	type EngineWaker,
	OWNER_DIED,
	overflows,
	PEER_WORDS,
	Status,
} from "./engine.ts";
export { IpcError, type IpcErrorCode } from "./error.ts";
export type { Handle, HandleKind, HandleOptions } from "./handle.ts";
export * from "./layout.ts";
export {
	checkListOptions,
	compareListed,
	type ListedEndpoint,
	type ListedName,
	type ListedState,
	type ListOptions,
} from "./listing.ts";
export type { Lock, LockGuard } from "./lock.ts";
export { createMutexFactory, type Mutex, type MutexFactory } from "./mutex.ts";
export { type Address, declarations, type Symbols } from "./native/declarations.ts";
export { libraryPath, loadLibrary } from "./native/load_library.ts";
export { createNativeEngine } from "./native/native_engine.ts";
export { mapMemory, type NativeLibrary } from "./native/native_library.ts";
export { clearNative, listNative } from "./native/native_list.ts";
export { openNativeReceiver, openNativeSender } from "./native/native_open.ts";
export { type OpenFailure, openFailure } from "./open_failure.ts";
export { closeAtExit } from "./open_handles.ts";
export { createRwLockFactory, type RwLock, type RwLockFactory } from "./rwlock.ts";
export {
	createSemaphoreFactory,
	type Permit,
	type Semaphore,
	type SemaphoreFactory,
	type SemaphoreOptions,
} from "./semaphore.ts";
export {
	createSharedMemoryFactory,
	type SharedMemory,
	type SharedMemoryFactory,
	type SharedMemoryMode,
	type SharedMemoryOptions,
	type WordWait,
} from "./shared_memory.ts";
