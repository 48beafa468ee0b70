export { checkBag, checkName, describe, limits } from "./argument.ts";
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
	type EngineOptions,
	type EngineReceiver,
	type EngineSender,
	type EngineWaker,
	overflows,
	PEER_WORDS,
	Status,
} from "./engine.ts";
export { IpcError, type IpcErrorCode } from "./error.ts";
export {
	checkListOptions,
	compareListed,
	type ListedEndpoint,
	type ListedName,
	type ListedState,
	type ListOptions,
} from "./listing.ts";
