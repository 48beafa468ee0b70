export { describe, limits } from "./argument.ts";
export type {
	Endpoint,
	EndpointFactory,
	EndpointKind,
	EndpointOptions,
	Loan,
	Message,
	Receiver,
	Sender,
	WaitOptions,
} from "./endpoint.ts";
export { createEndpointFactory } from "./endpoint_factory.ts";
export { type Engine, type EngineOptions, type EngineReceiver, type EngineSender, Status } from "./engine.ts";
export { IpcError, type IpcErrorCode } from "./error.ts";
export {
	checkListOptions,
	compareListed,
	type ListedEndpoint,
	type ListedName,
	type ListedState,
	type ListOptions,
} from "./listing.ts";
