import { invalid, show } from "../check/argument.ts";
import type { AsyncWaitOptions } from "../endpoint/types.ts";
import type { ServiceCaller } from "./service_caller.ts";
import { type CheckedCall, checkCall } from "./service_options.ts";
import type { AnyHandlers, CallOptions, ClientCalls } from "./service_types.ts";

type Call = (...args: unknown[]) => unknown;
type Methods = Record<string, Call>;

/** An object whose methods are those of a service: whatever their names are. They are made at first use. */
function methodsObject(base: object, call: (method: string, args: unknown[]) => unknown): object {
	const methods: Methods = Object.create(base);
	return new Proxy(methods, {
		get(target, name) {
			// What the language or a library asks of any object is not a method: `then` would make a promise of the client.
			if (typeof name === "symbol" || name.startsWith("$") || name === "then" || name in Object.prototype)
				return Reflect.get(target, name);
			const known = target[name];
			if (known) return known;
			const method: Call = (...args) => call(name, args);
			target[name] = method;
			return method;
		},
		set: () => false,
		defineProperty: () => false,
		deleteProperty: () => false,
	});
}

/** The client that a program gets. `base`: the limits of its calls. */
export function clientOf(caller: ServiceCaller, base: CheckedCall): object {
	const { name } = caller.service;
	let sync: object | undefined;
	const calls: ClientCalls<AnyHandlers> = {
		get $name() {
			return name;
		},
		get $closed() {
			return caller.closed;
		},
		get $servers() {
			return caller.servers;
		},
		get $pending() {
			return caller.pending;
		},
		get $sync() {
			sync ??= methodsObject({}, (method, args) => caller.callSync(method, args, base));
			return sync as ClientCalls<AnyHandlers>["$sync"];
		},
		$with: (options: CallOptions) =>
			clientOf(caller, checkCall(name, options, base)) as ReturnType<ClientCalls<AnyHandlers>["$with"]>,
		$call(method: string, args: readonly unknown[] = [], options: CallOptions = {}) {
			if (typeof method !== "string")
				throw invalid(name, `The name of a method must be a string, not ${show(method)}.`);
			if (!Array.isArray(args)) throw invalid(name, `The arguments must be an array, not ${show(args)}.`);
			return caller.call(method, args, checkCall(name, options, base));
		},
		$ready: (options?: AsyncWaitOptions) => caller.ready(options),
		$close: () => caller.close(),
		[Symbol.dispose]: () => caller.close(),
		[Symbol.asyncDispose]: async () => caller.close(),
	};
	return methodsObject(calls, (method, args) => caller.call(method, args, base));
}
