/**
 * Services on a libipc, for `libipc/service`.
 *
 * @module @libipc/core/service
 */
export { createDefineService } from "./define_service.ts";
export type { ServiceLibrary } from "./opened_service.ts";
export { createServiceFactory } from "./service_factory.ts";
export type {
	AnyHandlers,
	CallContext,
	CallInfo,
	CallOptions,
	ClientCalls,
	ClientMethod,
	ClientMethodOptions,
	ConnectOptions,
	DefinedMethodOptions,
	DefineService,
	MethodName,
	ServeOptions,
	ServerMethodOptions,
	ServiceClient,
	ServiceDefinition,
	ServiceDefinitionOptions,
	ServiceFactory,
	ServiceNameOptions,
	ServiceServer,
	ShutdownOptions,
	SyncMethod,
} from "./service_types.ts";
