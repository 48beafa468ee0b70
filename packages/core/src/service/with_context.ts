import { checkFunction, invalid } from "../check/argument.ts";
import type { CallContext } from "./service_types.ts";

type Handler = (...args: unknown[]) => unknown;
type ContextHandler = (context: CallContext, ...args: unknown[]) => unknown;

/** The functions that want a context, by the functions that stand for them among the handlers. */
const wanting = new WeakMap<Handler, ContextHandler>();

/** `Service.withContext`. */
export function withContext(handler: ContextHandler): Handler {
	checkFunction("", "handler", handler);
	const stands: Handler = () => {
		throw invalid(
			"",
			"A handler of Service.withContext is called by a server only: the server makes its context. To call the function yourself, keep it beside.",
		);
	};
	wanting.set(stands, handler);
	return stands;
}

/** The function that wants a context, of a handler that was made by {@link withContext}. */
export const contextHandlerOf = (handler: Handler): ContextHandler | undefined => wanting.get(handler);
