import type { AsyncWaitOptions, WaitOptions } from "../endpoint/types.ts";
import type { Codec } from "../value/codec.ts";
import type { StandardSchema } from "../value/standard_schema.ts";

/** `never`: functions with all kinds of parameters are accepted. */
type AnyFunction = (...args: never[]) => unknown;

/** The names of the methods of a service: of the functions among the properties of its handlers. */
export type MethodName<Handlers> = {
	[Name in keyof Handlers]: Handlers[Name] extends AnyFunction ? Name : never;
}[keyof Handlers] &
	string;

/** What a stream yields, if a method's result is one. */
type ItemOf<Result> =
	Result extends AsyncIterable<infer Item>
		? Item
		: Result extends Generator<infer Item, unknown, unknown>
			? Item
			: never;

/** Whether a method may be called without its own `this`. */
type IsFree<Method> = unknown extends ThisParameterType<Method> ? true : false;

/**
 * A method as its clients see it: a promise of the result, or a stream of what the method yields. A method that returns a promise keeps
 * its type, with its type parameters and overloads. Of any other one with type parameters, the client gets their constraints: TypeScript
 * has no way to write "this function, with a promise of its result".
 */
export type ClientMethod<Method> = Method extends (...args: infer Args) => infer Result
	? [ItemOf<Awaited<Result>>] extends [never]
		? [Result, Promise<Awaited<Result>>, IsFree<Method>] extends [Promise<unknown>, Result, true]
			? Method
			: (...args: Args) => Promise<Awaited<Result>>
		: (...args: Args) => AsyncIterable<ItemOf<Awaited<Result>>>
	: never;

/**
 * A method as a thread without an event loop sees it: its result, or an iterable of what the method yields. A method that returns neither
 * a promise nor a stream keeps its type.
 */
export type SyncMethod<Method> = Method extends (...args: infer Args) => infer Result
	? [ItemOf<Awaited<Result>>] extends [never]
		? [Result, Awaited<Result>, IsFree<Method>] extends [Awaited<Result>, Result, true]
			? Method
			: (...args: Args) => Awaited<Result>
		: (...args: Args) => Iterable<ItemOf<Awaited<Result>>>
	: never;

/** How a name of a service is opened. All servers and clients of a service pass the same. */
export interface ServiceNameOptions {
	/**
	 * The namespace of the name, as the option `prefix` of endpoints.
	 *
	 * @defaultValue the environment variable `LIBIPC_PREFIX`; if it is not set, or empty, `""`
	 */
	readonly prefix?: string | undefined;
	/**
	 * Which users may use the service: the file mode of all its names, as the option `permissions` of endpoints.
	 *
	 * @defaultValue `0o600`: this user only
	 */
	readonly permissions?: number | undefined;
	/**
	 * The codec of arguments, results, items of streams and errors. It has to take any array and object, as `structured()`, `json()` and
	 * `msgpack()` do. Its id may have 55 characters.
	 *
	 * @defaultValue `structured()` of `libipc/codecs`
	 */
	readonly codec?: Codec<unknown> | undefined;
	/**
	 * The bytes of the queue with the requests that no server has taken yet: a power of two. Arguments that are larger than an eighth of
	 * it are sent to the server that has taken the request.
	 *
	 * @defaultValue `1048576` (1 MiB)
	 */
	readonly capacity?: number | undefined;
}

/** What a server says about a method. */
export interface ServerMethodOptions {
	/**
	 * The schema of the arguments: of an array with them, such as `z.tuple([z.string()])`. The method runs with what the schema makes of
	 * them. If it finds something wrong, the call rejects with `ERR_IPC_INVALID_MESSAGE`, and the method does not run.
	 *
	 * @defaultValue the arguments are not checked
	 */
	readonly args?: StandardSchema | undefined;
	/**
	 * true: the method may run twice for one call. If the server that runs it is killed or closed, the call goes to another server,
	 * instead of failing with `ERR_IPC_PEER_DIED`.
	 *
	 * @defaultValue `false`
	 */
	readonly idempotent?: boolean | undefined;
	/**
	 * How many calls of this method run at once in this server; others wait.
	 *
	 * @defaultValue no limit besides that of the server
	 */
	readonly concurrency?: number | undefined;
}

/** What a client says about a method. */
export interface ClientMethodOptions {
	/**
	 * The schema of the result; of a stream, of each item. The call gives what the schema makes of it. If it finds something wrong, the
	 * call rejects with `ERR_IPC_INVALID_MESSAGE`.
	 *
	 * @defaultValue the result is not checked
	 */
	readonly result?: StandardSchema | undefined;
	/**
	 * true: the method may run twice for one call, so the client sends it again after all servers were killed.
	 *
	 * @defaultValue `false`: such a call fails with `ERR_IPC_PEER_DIED`
	 */
	readonly idempotent?: boolean | undefined;
}

/** How a service is served. */
export interface ServeOptions<Handlers> extends ServiceNameOptions {
	/**
	 * What holds for single methods, by their names.
	 *
	 * @defaultValue nothing
	 */
	readonly methods?: { readonly [Name in MethodName<Handlers>]?: ServerMethodOptions | undefined } | undefined;
	/**
	 * How many calls, streams included, run at once in this server: 1 to 65,536. Requests beyond that stay in the queue, for any server.
	 *
	 * @defaultValue `1024`
	 */
	readonly concurrency?: number | undefined;
	/**
	 * Whether errors arrive with their stacks, which show paths and code of the server.
	 *
	 * @defaultValue `false`
	 */
	readonly stacks?: boolean | undefined;
	/**
	 * Called with what a method has thrown, after it was sent to the client: for a log.
	 *
	 * @defaultValue nothing
	 */
	readonly onError?: ((error: unknown, call: CallInfo) => void) | undefined;
}

/** How a client calls a service. */
export interface CallOptions extends AsyncWaitOptions {
	/**
	 * How long a call may take, in milliseconds; of a stream: until its end. It travels with the request: an expired request is not run,
	 * and {@link CallContext.signal} is aborted then. The call rejects with `ERR_IPC_TIMED_OUT`.
	 *
	 * @defaultValue no limit
	 */
	readonly timeout?: number | undefined;
	/**
	 * If it is aborted, the call rejects with the signal's reason, and {@link CallContext.signal} of the server is aborted.
	 *
	 * @defaultValue no signal
	 */
	readonly signal?: AbortSignal | undefined;
}

/** How a client of a service is opened. */
export interface ConnectOptions<Handlers> extends ServiceNameOptions {
	/**
	 * What holds for single methods, by their names.
	 *
	 * @defaultValue nothing
	 */
	readonly methods?: { readonly [Name in MethodName<Handlers>]?: ClientMethodOptions | undefined } | undefined;
	/**
	 * How long a call waits while no server is open, in milliseconds. Then it rejects with `ERR_IPC_NO_SERVER`, and no later server runs it.
	 * true: until the call's timeout, or without a limit. false: it does not wait.
	 *
	 * @defaultValue until the call's timeout; a call without a timeout waits for 10 seconds
	 */
	readonly waitForServer?: boolean | number | undefined;
	/**
	 * The timeout of calls that pass none: {@link CallOptions.timeout}.
	 *
	 * @defaultValue no limit
	 */
	readonly timeout?: number | undefined;
	/**
	 * How many items of a stream a server sends before the program has taken the first of them: 1 to 65,535.
	 *
	 * @defaultValue `32`
	 */
	readonly streamBuffer?: number | undefined;
	/**
	 * The bytes of the ring with this client's answers: a power of two. Larger answers are sent in fragments.
	 *
	 * @defaultValue `262144` (256 KiB)
	 */
	readonly replyCapacity?: number | undefined;
}

/** Which call it is. */
export interface CallInfo {
	/** The service, without its prefix. */
	readonly service: string;
	/** The method. */
	readonly method: string;
	/**
	 * The process that calls. The client says this: a program that may open the service could say anything, so it is no proof between
	 * programs that share a service.
	 */
	readonly pid: number;
	/** The user of that process; `undefined` if its system has none. The client says this, as {@link pid}. */
	readonly uid: number | undefined;
	/** How often the call has been given to a server: 1 the first time. */
	readonly attempt: number;
}

/** What a handler learns about its call: the first argument of a handler in `Service.withContext`. */
export interface CallContext extends CallInfo {
	/**
	 * Aborted when no answer is needed any more: the client has aborted the call, left its stream or was killed, the deadline has passed,
	 * or the server was closed.
	 */
	readonly signal: AbortSignal;
	/** When the call's time is up, on the clock of `monotonicNs`; `undefined`: it has no timeout. */
	readonly deadline: number | undefined;
}

/** How long a graceful shutdown may take. */
export interface ShutdownOptions extends WaitOptions {
	/**
	 * Milliseconds until what still runs is given up, as by `close`.
	 *
	 * @defaultValue `10000`
	 */
	readonly timeout?: number | undefined;
}

/** A server of a service. The end of an `await using` block shuts it down gracefully; that of a `using` block closes it. */
export interface ServiceServer extends Disposable, AsyncDisposable {
	/** The name of the service, without its prefix. */
	readonly name: string;
	/** Whether {@link close} or {@link shutdown} was called, or the server has failed. */
	readonly closed: boolean;
	/** How many calls run in this server. */
	readonly running: number;
	/**
	 * Resolves when the server is closed. Rejects with the error that ended it, for example `ERR_IPC_ORPHANED` if the name was cleared. If
	 * the program does not use this promise, such an error is an unhandled rejection.
	 */
	readonly ended: Promise<void>;
	/**
	 * Closes the server at once. {@link CallContext.signal} of the calls that run is aborted. They fail with `ERR_IPC_PEER_DIED`; those of
	 * idempotent methods, and those that have not begun, go to another server.
	 *
	 * @example
	 * import { Service } from "libipc/service";
	 *
	 * const server = Service.serve("prices", { quote: (symbol: string) => symbol.length });
	 * server.close();
	 * console.log(server.closed); // true
	 */
	close(): void;
	/**
	 * Takes no more calls, waits until those that run are answered, and closes the server. Requests that no server has taken stay for the
	 * next server, as long as {@link ConnectOptions.waitForServer} of their clients allows.
	 *
	 * @returns false if the time was up first.
	 * @throws IpcError `ERR_IPC_INVALID_ARGUMENT`
	 * @example
	 * import { Service } from "libipc/service";
	 *
	 * const server = Service.serve("prices", { quote: (symbol: string) => symbol.length });
	 * console.log(await server.shutdown({ timeout: 5000 })); // true
	 */
	shutdown(options?: ShutdownOptions): Promise<boolean>;
	/**
	 * The server keeps the process alive. This is the state of a new server.
	 *
	 * @returns this server
	 * @example
	 * import { Service } from "libipc/service";
	 *
	 * using server = Service.serve("prices", { quote: (symbol: string) => symbol.length }).unref();
	 * server.ref();
	 */
	ref(): this;
	/**
	 * The server does not keep the process alive.
	 *
	 * @returns this server
	 * @example
	 * import { Service } from "libipc/service";
	 *
	 * using server = Service.serve("prices", { quote: (symbol: string) => symbol.length }).unref();
	 */
	unref(): this;
}

/** What every client has besides the methods of its service. No method of a service has a name that begins with `$`. */
export interface ClientCalls<Handlers> extends Disposable, AsyncDisposable {
	/** The name of the service, without its prefix. */
	readonly $name: string;
	/** Whether the client is closed. */
	readonly $closed: boolean;
	/** How many servers are open. */
	readonly $servers: number;
	/** How many calls of this client are not answered yet. */
	readonly $pending: number;
	/**
	 * The methods of the service as calls that block the thread: for threads without an event loop. A stream is an iterable. They need a
	 * server in another process or thread (`ERR_IPC_DEADLOCK`).
	 */
	readonly $sync: { readonly [Name in MethodName<Handlers>]: SyncMethod<Handlers[Name]> };
	/**
	 * This client with options for the calls that are made through what it returns.
	 *
	 * @throws IpcError `ERR_IPC_INVALID_ARGUMENT`
	 * @example
	 * import { Service } from "libipc/service";
	 *
	 * const handlers = { quote: async (symbol: string) => symbol.length };
	 * using server = Service.serve("prices", handlers);
	 * using prices = Service.connect<typeof handlers>("prices");
	 * console.log(await prices.$with({ timeout: 1000 }).quote("BUN")); // 3
	 */
	$with(options: CallOptions): ServiceClient<Handlers>;
	/**
	 * Calls a method by its name, with an array of arguments: for programs that do not know the methods. `await` gives the result; of a
	 * stream, `for await` gives the items.
	 *
	 * @throws IpcError as a call of the method
	 * @example
	 * import { Service } from "libipc/service";
	 *
	 * using server = Service.serve("prices", { quote: (symbol: string) => symbol.length });
	 * using prices = Service.connect("prices");
	 * console.log(await prices.$call("quote", ["BUN"])); // 3
	 */
	$call(method: string, args?: readonly unknown[], options?: CallOptions): Promise<unknown> & AsyncIterable<unknown>;
	/**
	 * Waits until a server is open.
	 *
	 * @returns false if the time was up first.
	 * @throws IpcError `ERR_IPC_CLOSED`; or the reason of the aborted `signal`
	 * @example
	 * import { Service } from "libipc/service";
	 *
	 * using prices = Service.connect("prices");
	 * console.log(await prices.$ready({ timeout: 10 })); // false
	 */
	$ready(options?: AsyncWaitOptions): Promise<boolean>;
	/**
	 * Closes the client. Its calls reject with `ERR_IPC_CLOSED`, and their work in the servers is aborted.
	 *
	 * @example
	 * import { Service } from "libipc/service";
	 *
	 * const prices = Service.connect("prices");
	 * prices.$close();
	 * console.log(prices.$closed); // true
	 */
	$close(): void;
}

/**
 * A client of a service: each method of the service is a method of the client.
 *
 * A call rejects with what the handler has thrown: an `Error` with its name, message, code and cause (and of its class, if that is one of
 * the language, such as `TypeError`). Errors of libipc are an `IpcError`:
 *
 * - `ERR_IPC_PEER_DIED`: the server was killed or closed before it answered. The method may have run.
 * - `ERR_IPC_NO_SERVER`: no server was open for as long as the call may wait for one. It was not run
 * - `ERR_IPC_TIMED_OUT`: the timeout of the call is over
 * - `ERR_IPC_NO_METHOD`: the service has no such method
 * - `ERR_IPC_INVALID_MESSAGE`: a schema or a codec refuses the arguments or the result; `issues` and `cause` say more
 * - `ERR_IPC_MESSAGE_TOO_LARGE`, `ERR_IPC_CLOSED`, `ERR_IPC_ORPHANED`, and what sending a message throws
 *
 * A method that yields is a stream, for `for await`. The server runs ahead of the loop by {@link ConnectOptions.streamBuffer} items. If
 * the loop is left, the method's generator is ended (`finally` blocks run). An idle client does not keep the process alive; a
 * call does.
 */
export type ServiceClient<Handlers> = {
	readonly [Name in MethodName<Handlers>]: ClientMethod<Handlers[Name]>;
} & ClientCalls<Handlers>;

/** The handlers of a service whose methods are not known: any name is a method. */
export type AnyHandlers = Record<string, (...args: unknown[]) => unknown>;

/** What is defined about a method: servers check its arguments, and clients its results. */
export interface DefinedMethodOptions extends ServerMethodOptions, Omit<ClientMethodOptions, "idempotent"> {}

/** What is defined about a service for the programs on both sides. */
export interface ServiceDefinitionOptions<Handlers> extends ServiceNameOptions {
	/**
	 * What holds for single methods, by their names.
	 *
	 * @defaultValue nothing
	 */
	readonly methods?: { readonly [Name in MethodName<Handlers>]?: DefinedMethodOptions | undefined } | undefined;
}

/** A service with everything that its servers and clients have in common. */
export interface ServiceDefinition<Handlers> {
	/** The name of the service, without its prefix. */
	readonly name: string;
	/**
	 * Opens a server: {@link ServiceFactory.serve}.
	 *
	 * @param handlers - The methods.
	 * @param options - What this server adds.
	 * @throws IpcError as `Service.serve`
	 * @example
	 * import { defineService } from "libipc/service";
	 *
	 * interface Prices {
	 *   quote(symbol: string): Promise<number>;
	 * }
	 * const prices = defineService<Prices>("prices", { methods: { quote: { idempotent: true } } });
	 * using server = prices.serve({ quote: async (symbol) => symbol.length });
	 */
	serve(
		handlers: Handlers,
		options?: Omit<ServeOptions<Handlers>, keyof ServiceDefinitionOptions<Handlers>>,
	): ServiceServer;
	/**
	 * Opens a client: {@link ServiceFactory.connect}.
	 *
	 * @param options - What this client adds.
	 * @throws IpcError as `Service.connect`
	 * @example
	 * import { defineService } from "libipc/service";
	 *
	 * const prices = defineService<{ quote(symbol: string): number }>("prices");
	 * using server = prices.serve({ quote: (symbol) => symbol.length });
	 * using client = prices.connect();
	 * console.log(await client.quote("BUN")); // 3
	 */
	connect(options?: Omit<ConnectOptions<Handlers>, keyof ServiceDefinitionOptions<Handlers>>): ServiceClient<Handlers>;
}

/**
 * Defines a service: one module exports the definition, and the programs on both sides import it, so that name, codec, schemas and
 * types are the same. It opens nothing.
 *
 * @typeParam Handlers - The methods: an interface, or `typeof handlers`.
 * @param name - As that of `Service.serve`.
 * @throws IpcError `ERR_IPC_INVALID_NAME`, `ERR_IPC_INVALID_ARGUMENT`
 * @example
 * import { defineService } from "libipc/service";
 * import { z } from "zod";
 *
 * interface Prices {
 *   quote(symbol: string): Promise<number>;
 * }
 * export const prices = defineService<Prices>("prices", {
 *   methods: { quote: { args: z.tuple([z.string()]), result: z.number(), idempotent: true } },
 * });
 */
export type DefineService = <Handlers extends object = AnyHandlers>(
	name: string,
	options?: ServiceDefinitionOptions<Handlers>,
) => ServiceDefinition<Handlers>;

/** Serves and calls services: requests and answers between programs. */
export interface ServiceFactory {
	/**
	 * Serves a service: calls of clients run the functions of `handlers`. Any number of servers share the calls of a service; each call
	 * goes to one of them. A function that yields (a generator, or one that returns an async iterable) is a stream.
	 *
	 * All functions of `handlers` and of its classes can be called, except for `#private` ones and those that every object has, such as
	 * `toString`. They are called with `handlers` as
	 * `this`. A function learns about its call if it is wrapped in {@link withContext}.
	 *
	 * @param name - 1 to 104 bytes of UTF-8, without `/` and control characters.
	 * @param handlers - An object, or an instance of a class. No name of a method begins with `$`.
	 * @throws IpcError `ERR_IPC_INVALID_NAME`, `ERR_IPC_INVALID_ARGUMENT`; `ERR_IPC_OPTIONS_MISMATCH` if the name has another codec; and what
	 * opening a receiver of a queue throws
	 * @example
	 * import { Service } from "libipc/service";
	 *
	 * const handlers = {
	 *   quote: (symbol: string) => ({ symbol, price: 42.17 }),
	 *   async *history(symbol: string) {
	 *     for (const day of [1, 2, 3]) yield `${symbol} on day ${day}`;
	 *   },
	 * };
	 * using server = Service.serve("prices", handlers);
	 * using prices = Service.connect<typeof handlers>("prices");
	 * console.log((await prices.quote("BUN")).price); // 42.17
	 * for await (const day of prices.history("BUN")) {
	 *   console.log(day); // BUN on day 1
	 *   break; // ends the work in the server, too
	 * }
	 */
	serve<Handlers extends object>(name: string, handlers: Handlers, options?: ServeOptions<Handlers>): ServiceServer;
	/**
	 * Opens a client of a service. It does not wait for a server: its calls do.
	 *
	 * @typeParam Handlers - The methods: `typeof handlers` of the server.
	 * @param name - The name of the service.
	 * @throws IpcError as {@link serve}
	 * @example
	 * import { Service } from "libipc/service";
	 *
	 * const handlers = { quote: async (symbol: string) => symbol.length };
	 * using server = Service.serve("prices", handlers);
	 * using prices = Service.connect<typeof handlers>("prices", { timeout: 5000 });
	 * console.log(await prices.quote("BUN")); // 3
	 */
	connect<Handlers extends object = AnyHandlers>(
		name: string,
		options?: ConnectOptions<Handlers>,
	): ServiceClient<Handlers>;
	/**
	 * A handler that gets a {@link CallContext} before its arguments. Clients do not see the context.
	 *
	 * @returns The function to pass to {@link serve} as a method.
	 * @throws IpcError `ERR_IPC_INVALID_ARGUMENT`
	 * @example
	 * import { Service } from "libipc/service";
	 *
	 * const handlers = {
	 *   greet: Service.withContext(({ pid }, greeting: string) => `${greeting}, ${pid === process.pid ? "myself" : pid}`),
	 * };
	 * using server = Service.serve("greetings", handlers);
	 * using greetings = Service.connect<typeof handlers>("greetings");
	 * console.log(await greetings.greet("Hello")); // Hello, myself
	 */
	withContext<Args extends unknown[], Result>(
		handler: (context: CallContext, ...args: Args) => Result,
	): (...args: Args) => Result;
}
