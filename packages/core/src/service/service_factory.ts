import { checkOptionsObject } from "../check/argument.ts";
import { methodsOf } from "./handlers.ts";
import { NO_METHOD_OPTIONS } from "./method_options.ts";
import { OpenedService, type ServiceLibrary } from "./opened_service.ts";
import type { ServedMethod } from "./running_call.ts";
import { ServiceCaller } from "./service_caller.ts";
import { clientOf } from "./service_client.ts";
import { checkConnect, checkServe } from "./service_options.ts";
import { Server } from "./service_server.ts";
import type { ConnectOptions, ServeOptions, ServiceFactory, ServiceServer } from "./service_types.ts";
import { withContext } from "./with_context.ts";

const EXAMPLE = '{ prefix: "app" }';

/** Makes `Service` of an API. */
export function createServiceFactory(library: ServiceLibrary): ServiceFactory {
	return {
		serve(name: string, handlers: object, given?: ServeOptions<object>): ServiceServer {
			const options = checkOptionsObject(name, given, EXAMPLE) ?? {};
			const functions = methodsOf(name, handlers);
			const checked = checkServe(name, options, functions);
			const service = new OpenedService(library, name, options, "receiver");
			const methods = new Map<string, ServedMethod>();
			for (const [method, handler] of functions)
				methods.set(method, {
					name: method,
					handler,
					options: checked.methods.get(method) ?? NO_METHOD_OPTIONS,
					decoding: service.decoding(`the arguments of ${method}`),
					running: 0,
					waiting: new Set(),
				});
			return new Server(service, handlers, methods, checked);
		},
		connect(name: string, given?: ConnectOptions<object>): object {
			const options = checkOptionsObject(name, given, EXAMPLE) ?? {};
			const checked = checkConnect(name, options);
			const caller = new ServiceCaller(new OpenedService(library, name, options, "sender"), checked);
			return clientOf(caller, { timeout: checked.timeout, signal: undefined });
		},
		withContext,
	} as ServiceFactory;
}
