import { IpcError, type IpcErrorCode, type SchemaIssue } from "@libipc/protocol";

/** What was thrown, as a value for a codec: `{ error }` for an Error, `{ value }` for anything else. */
export interface Thrown {
	readonly error?: ThrownError;
	readonly value?: unknown;
}

/** An Error as a value for a codec. */
interface ThrownError {
	readonly name: string;
	readonly message: string;
	readonly code?: string | number;
	readonly stack?: string;
	readonly cause?: Thrown;
}

/** How many causes of causes travel. */
const DEEPEST = 8;

const textOf = (value: unknown): string => {
	try {
		return String(value);
	} catch {
		return "";
	}
};

/** Reads a property of what a program has thrown, whose getters may throw. */
function read(from: object, name: string): unknown {
	try {
		return (from as Readonly<Record<string, unknown>>)[name];
	} catch {
		return undefined;
	}
}

const isError = (value: unknown): value is Error => {
	try {
		return value instanceof Error || Object.prototype.toString.call(value) === "[object Error]";
	} catch {
		return false;
	}
};

/** What a handler has thrown, for its client. */
export function thrownOf(thrown: unknown, stacks: boolean, depth = 0): Thrown {
	if (!isError(thrown)) return { value: thrown };
	const code = read(thrown, "code");
	const cause = read(thrown, "cause");
	const stack = stacks ? read(thrown, "stack") : undefined;
	return {
		error: {
			name: textOf(read(thrown, "name") ?? "Error"),
			message: textOf(read(thrown, "message") ?? ""),
			...(typeof code === "string" || typeof code === "number" ? { code } : {}),
			...(typeof stack === "string" ? { stack } : {}),
			...(cause !== undefined && depth < DEEPEST ? { cause: thrownOf(cause, stacks, depth + 1) } : {}),
		},
	};
}

/** The same without values that a codec may refuse. */
export function plainThrownOf(thrown: unknown, stacks: boolean): Thrown {
	const { error, value } = thrownOf(thrown, stacks);
	if (!error) return { error: { name: "Error", message: textOf(value) } };
	const { cause: _, ...plain } = error;
	return { error: plain };
}

/** The classes of the language that an error keeps. */
const classes: Readonly<Record<string, ErrorConstructor>> = {
	EvalError,
	RangeError,
	ReferenceError,
	SyntaxError,
	TypeError,
	URIError,
};

const asRecord = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
	value !== null && typeof value === "object" ? (value as Readonly<Record<string, unknown>>) : undefined;

/** What the client throws: the counterpart of {@link thrownOf}. `from`: any value that another process has sent. */
export function thrownFrom(from: unknown, depth = 0): unknown {
	const thrown = asRecord(from);
	const error = asRecord(thrown?.error);
	if (!error) return thrown?.value;
	const name = textOf(error.name ?? "Error");
	const Class = Object.hasOwn(classes, name) ? (classes[name] as ErrorConstructor) : Error;
	const cause = depth < DEEPEST ? asRecord(error.cause) : undefined;
	const result = new Class(textOf(error.message ?? ""), cause ? { cause: thrownFrom(cause, depth + 1) } : undefined);
	const define = (key: string, value: unknown): void => {
		Object.defineProperty(result, key, { value, writable: true, configurable: true, enumerable: key === "code" });
	};
	if (result.name !== name) define("name", name);
	if (typeof error.code === "string" || typeof error.code === "number") define("code", error.code);
	// Without the server's stack it shows where the answer was read, which helps nobody.
	define("stack", typeof error.stack === "string" ? error.stack : `${name}: ${result.message}\n    at a service`);
	return result;
}

/** An error of libipc that a server reports. */
export interface Failure {
	readonly code: IpcErrorCode;
	readonly message: string;
	readonly issues?: readonly SchemaIssue[] | undefined;
}

const failureCodes: readonly string[] = [
	"ERR_IPC_PEER_DIED",
	"ERR_IPC_NO_METHOD",
	"ERR_IPC_TIMED_OUT",
	"ERR_IPC_INVALID_MESSAGE",
	"ERR_IPC_MESSAGE_TOO_LARGE",
] satisfies IpcErrorCode[];

/** Issues of a schema as values for a codec: a key of a path may be a symbol, or an object of the schema's library. */
export const plainIssues = (issues: readonly SchemaIssue[]): SchemaIssue[] =>
	issues.map(({ message, path }) => ({
		message: textOf(message),
		path: (path ?? []).map((each) => {
			const key: unknown = typeof each === "object" ? each.key : each;
			return typeof key === "number" ? key : textOf(key);
		}),
	}));

/** The error for the client: `from` is any value that another process has sent. */
export function failureFrom(endpoint: string, from: unknown): IpcError {
	const failure = asRecord(from);
	const code = failureCodes.includes(failure?.code as string)
		? (failure?.code as IpcErrorCode)
		: "ERR_IPC_INVALID_MESSAGE";
	const issues = Array.isArray(failure?.issues) ? (failure.issues as readonly SchemaIssue[]) : undefined;
	return new IpcError(code, endpoint, textOf(failure?.message ?? ""), { issues });
}
