import { checkOptionsObject, invalid } from "../check/argument.ts";
import { checkOptionNames, optionNames } from "../check/option_names.ts";
import { checkMethods } from "./method_options.ts";
import { OpenedService, type ServiceLibrary } from "./opened_service.ts";
import type {
	ClientMethodOptions,
	DefinedMethodOptions,
	DefineService,
	ServiceDefinitionOptions,
	ServiceFactory,
} from "./service_types.ts";

type Options = ServiceDefinitionOptions<object>;
type Methods = Readonly<Record<string, DefinedMethodOptions | undefined>>;

/** What a client needs of the options of methods: servers check arguments and have limits, clients check results. */
function ofClients(methods: Methods | undefined): Record<string, ClientMethodOptions> | undefined {
	if (methods === undefined) return undefined;
	const entries = Object.entries(methods).map(([method, its]) => [
		method,
		its && { result: its.result, idempotent: its.idempotent },
	]);
	return Object.fromEntries(entries);
}

/** Makes `defineService` of an API. */
export function createDefineService(Service: ServiceFactory, library: ServiceLibrary): DefineService {
	const define = (name: string, given?: Options) => {
		const defined: Options = { ...checkOptionsObject(name, given, "{ codec: json() }") };
		checkOptionNames(name, "defineService", defined, optionNames.defineService);
		const methods = defined.methods as Methods | undefined;
		checkMethods(name, methods, "definedMethod");
		new OpenedService(library, name, defined, "sender"); // checks the other options, and opens nothing
		const added = (more: object | undefined): object => {
			const options = checkOptionsObject(name, more, "{ concurrency: 10 }") ?? {};
			const fixed = optionNames.defineService.find(
				(each) => (options as Readonly<Record<string, unknown>>)[each] !== undefined,
			);
			if (fixed === undefined) return options;
			throw invalid(
				name,
				`${fixed} is set by defineService, for all servers and clients of service "${name}". Change it there.`,
			);
		};
		const serverMethods =
			methods &&
			Object.fromEntries(
				Object.entries(methods).map(([method, its]) => [method, its && { ...its, result: undefined }]),
			);
		return {
			name,
			serve: (handlers: object, more?: object) =>
				Service.serve(name, handlers, { ...defined, methods: serverMethods, ...added(more) } as object),
			connect: (more?: object) =>
				Service.connect(name, { ...defined, methods: ofClients(methods), ...added(more) } as object),
		};
	};
	return define as unknown as DefineService;
}
