/**
 * That `@libipc/core` and `@libipc/compat` export the same types: checked by tsc alone. That nothing is missing here is
 * what same_exports.test.ts checks.
 */
import type * as compat from "@libipc/compat";
import type * as core from "@libipc/core";
import type * as libipc from "libipc";

/** Only what is the same in every respect, also `readonly` and optional. */
type Same<A, B> =
	(<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2
		? [A] extends [B]
			? [B] extends [A]
				? true
				: never
			: never
		: never;

/** The values: each of core has the type that it has in compat and in libipc, and there is no other. */
export const values: [Same<typeof core, typeof compat>, Same<typeof core, typeof libipc>] = [true, true];

/** The types, by their names. */
export const types: {
	AsyncWaitOptions: [
		Same<core.AsyncWaitOptions, compat.AsyncWaitOptions>,
		Same<core.AsyncWaitOptions, libipc.AsyncWaitOptions>,
	];
	Batch: [Same<core.Batch, compat.Batch>, Same<core.Batch, libipc.Batch>];
	Condition: [Same<core.Condition, compat.Condition>, Same<core.Condition, libipc.Condition>];
	Endpoint: [Same<core.Endpoint, compat.Endpoint>, Same<core.Endpoint, libipc.Endpoint>];
	EndpointFactory: [
		Same<core.EndpointFactory, compat.EndpointFactory>,
		Same<core.EndpointFactory, libipc.EndpointFactory>,
	];
	EndpointKind: [Same<core.EndpointKind, compat.EndpointKind>, Same<core.EndpointKind, libipc.EndpointKind>];
	EndpointOptions: [
		Same<core.EndpointOptions, compat.EndpointOptions>,
		Same<core.EndpointOptions, libipc.EndpointOptions>,
	];
	Handle: [Same<core.Handle, compat.Handle>, Same<core.Handle, libipc.Handle>];
	HandleKind: [Same<core.HandleKind, compat.HandleKind>, Same<core.HandleKind, libipc.HandleKind>];
	HandleOptions: [Same<core.HandleOptions, compat.HandleOptions>, Same<core.HandleOptions, libipc.HandleOptions>];
	IpcError: [Same<core.IpcError, compat.IpcError>, Same<core.IpcError, libipc.IpcError>];
	IpcErrorCode: [Same<core.IpcErrorCode, compat.IpcErrorCode>, Same<core.IpcErrorCode, libipc.IpcErrorCode>];
	Lease: [Same<core.Lease, compat.Lease>, Same<core.Lease, libipc.Lease>];
	ListOptions: [Same<core.ListOptions, compat.ListOptions>, Same<core.ListOptions, libipc.ListOptions>];
	ListedEndpoint: [Same<core.ListedEndpoint, compat.ListedEndpoint>, Same<core.ListedEndpoint, libipc.ListedEndpoint>];
	ListedName: [Same<core.ListedName, compat.ListedName>, Same<core.ListedName, libipc.ListedName>];
	ListedState: [Same<core.ListedState, compat.ListedState>, Same<core.ListedState, libipc.ListedState>];
	Loan: [Same<core.Loan, compat.Loan>, Same<core.Loan, libipc.Loan>];
	Lock: [Same<core.Lock, compat.Lock>, Same<core.Lock, libipc.Lock>];
	LockGuard: [Same<core.LockGuard, compat.LockGuard>, Same<core.LockGuard, libipc.LockGuard>];
	Message: [Same<core.Message, compat.Message>, Same<core.Message, libipc.Message>];
	Mutex: [Same<core.Mutex, compat.Mutex>, Same<core.Mutex, libipc.Mutex>];
	Overflow: [Same<core.Overflow, compat.Overflow>, Same<core.Overflow, libipc.Overflow>];
	PeerEvent: [Same<core.PeerEvent, compat.PeerEvent>, Same<core.PeerEvent, libipc.PeerEvent>];
	Permit: [Same<core.Permit, compat.Permit>, Same<core.Permit, libipc.Permit>];
	QueueReceiver: [Same<core.QueueReceiver, compat.QueueReceiver>, Same<core.QueueReceiver, libipc.QueueReceiver>];
	Receiver: [Same<core.Receiver, compat.Receiver>, Same<core.Receiver, libipc.Receiver>];
	ReceiverOptions: [
		Same<core.ReceiverOptions, compat.ReceiverOptions>,
		Same<core.ReceiverOptions, libipc.ReceiverOptions>,
	];
	RwLock: [Same<core.RwLock, compat.RwLock>, Same<core.RwLock, libipc.RwLock>];
	Semaphore: [Same<core.Semaphore, compat.Semaphore>, Same<core.Semaphore, libipc.Semaphore>];
	SemaphoreOptions: [
		Same<core.SemaphoreOptions, compat.SemaphoreOptions>,
		Same<core.SemaphoreOptions, libipc.SemaphoreOptions>,
	];
	Sender: [Same<core.Sender, compat.Sender>, Same<core.Sender, libipc.Sender>];
	SharedMemory: [Same<core.SharedMemory, compat.SharedMemory>, Same<core.SharedMemory, libipc.SharedMemory>];
	SharedMemoryMode: [
		Same<core.SharedMemoryMode, compat.SharedMemoryMode>,
		Same<core.SharedMemoryMode, libipc.SharedMemoryMode>,
	];
	SharedMemoryOptions: [
		Same<core.SharedMemoryOptions, compat.SharedMemoryOptions>,
		Same<core.SharedMemoryOptions, libipc.SharedMemoryOptions>,
	];
	WaitOptions: [Same<core.WaitOptions, compat.WaitOptions>, Same<core.WaitOptions, libipc.WaitOptions>];
	WordWait: [Same<core.WordWait, compat.WordWait>, Same<core.WordWait, libipc.WordWait>];
} = {
	AsyncWaitOptions: [true, true],
	Batch: [true, true],
	Condition: [true, true],
	Endpoint: [true, true],
	EndpointFactory: [true, true],
	EndpointKind: [true, true],
	EndpointOptions: [true, true],
	Handle: [true, true],
	HandleKind: [true, true],
	HandleOptions: [true, true],
	IpcError: [true, true],
	IpcErrorCode: [true, true],
	Lease: [true, true],
	ListOptions: [true, true],
	ListedEndpoint: [true, true],
	ListedName: [true, true],
	ListedState: [true, true],
	Loan: [true, true],
	Lock: [true, true],
	LockGuard: [true, true],
	Message: [true, true],
	Mutex: [true, true],
	Overflow: [true, true],
	PeerEvent: [true, true],
	Permit: [true, true],
	QueueReceiver: [true, true],
	Receiver: [true, true],
	ReceiverOptions: [true, true],
	RwLock: [true, true],
	Semaphore: [true, true],
	SemaphoreOptions: [true, true],
	Sender: [true, true],
	SharedMemory: [true, true],
	SharedMemoryMode: [true, true],
	SharedMemoryOptions: [true, true],
	WaitOptions: [true, true],
	WordWait: [true, true],
};
