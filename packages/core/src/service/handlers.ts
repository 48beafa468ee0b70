import { invalid, show } from "../check/argument.ts";
import { methodNameProblem } from "./method_options.ts";

export type Handler = (this: unknown, ...args: unknown[]) => unknown;

/** The methods of a service: the functions of an object and of its classes. They are looked up once. */
export function methodsOf(service: string, handlers: unknown): ReadonlyMap<string, Handler> {
	if (handlers === null || typeof handlers !== "object")
		throw invalid(
			service,
			`handlers must be an object with functions, such as { quote(symbol) { … } }, not ${show(handlers)}.`,
		);
	const methods = new Map<string, Handler>();
	for (let from: object | null = handlers; from && !isPlainPrototype(from); from = Object.getPrototypeOf(from))
		for (const name of Object.getOwnPropertyNames(from)) {
			// What every object has is no method, also if a class replaces it: toString, for example.
			if (name in Object.prototype || methods.has(name)) continue;
			const value: unknown = Object.getOwnPropertyDescriptor(from, name)?.value;
			if (typeof value !== "function") continue;
			const problem = methodNameProblem(name);
			if (problem) throw invalid(service, `${show(name)} cannot be the name of a method: ${problem}.`);
			methods.set(name, value as Handler);
		}
	if (methods.size === 0) throw invalid(service, "handlers has no function: a service needs at least one method.");
	return methods;
}

/** Whether it is `Object.prototype`, of any realm. */
const isPlainPrototype = (object: object): boolean =>
	Object.getPrototypeOf(object) === null && Object.hasOwn(object, "hasOwnProperty");
