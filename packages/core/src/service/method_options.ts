import { IpcError } from "@libipc/protocol";
import { checkInteger, checkOptionsObject, invalid, show } from "../check/argument.ts";
import { checkOptionNames, optionNames } from "../check/option_names.ts";
import { checkSchema } from "../value/decoding.ts";
import type { StandardSchema } from "../value/standard_schema.ts";
import { METHOD_BYTES } from "./frames.ts";
import type { DefinedMethodOptions } from "./service_types.ts";

type Validate = StandardSchema["~standard"]["validate"];

/** The options of a method, checked. */
export interface MethodOptions {
	readonly args: Validate | undefined;
	readonly result: Validate | undefined;
	readonly idempotent: boolean;
	/** 0: no limit. */
	readonly concurrency: number;
}

export const NO_METHOD_OPTIONS: MethodOptions = {
	args: undefined,
	result: undefined,
	idempotent: false,
	concurrency: 0,
};

const EXAMPLE = "{ quote: { idempotent: true } }";

/** Names that objects have anyway, and `then`, which would make a client look like a promise. */
const RESERVED: readonly string[] = ["then", ...Object.getOwnPropertyNames(Object.prototype)];

/** What is wrong with the name of a method; empty: nothing. */
export function methodNameProblem(method: string): string {
	if (method === "") return "it is empty";
	if (method.startsWith("$")) return "names that begin with $ are those of the client itself";
	if (RESERVED.includes(method)) return "every object has a property of this name, or is taken for a promise by it";
	const bytes = Buffer.byteLength(method);
	return bytes > METHOD_BYTES ? `it has ${bytes} bytes, and may have ${METHOD_BYTES}` : "";
}

/** Checks the option `methods` of a server, a client or a definition. */
export function checkMethods(
	service: string,
	given: unknown,
	side: "serverMethod" | "clientMethod" | "definedMethod",
	known?: ReadonlyMap<string, unknown>,
): ReadonlyMap<string, MethodOptions> {
	const methods = new Map<string, MethodOptions>();
	const options = checkOptionsObject<object>(service, given as object | undefined, EXAMPLE) ?? {};
	for (const [method, its] of Object.entries(options)) {
		if (its === undefined) continue;
		if (known && !known.has(method))
			throw invalid(
				service,
				`methods has options for ${show(method)}, which is not a function of the handlers: ${[...known.keys()].join(", ")}.`,
			);
		if (its === null || typeof its !== "object")
			throw invalid(service, `methods.${method} must be an object such as { idempotent: true }, not ${show(its)}.`);
		const { args, result, idempotent, concurrency } = its as DefinedMethodOptions;
		checkOptionNames(service, `methods.${method}`, its, optionNames[side]);
		if (idempotent !== undefined && typeof idempotent !== "boolean")
			throw invalid(service, `methods.${method}.idempotent must be a boolean, not ${show(idempotent)}.`);
		methods.set(method, {
			args: checkSchema(service, args),
			result: checkSchema(service, result),
			idempotent: idempotent === true,
			concurrency: checkInteger(service, `methods.${method}.concurrency`, concurrency, 1, 65_536),
		});
	}
	return methods;
}

/** What a schema makes of a value. `what`: how the message names it. */
export function validated(service: string, what: string, validate: Validate | undefined, value: unknown): unknown {
	if (!validate) return value;
	const result = validate(value);
	if ("then" in result && typeof result.then === "function") {
		result.then(undefined, () => {});
		throw invalid(
			service,
			`The schema of ${what} is asynchronous: it returned a promise. Use one without asynchronous checks.`,
		);
	}
	const { issues } = result as Awaited<typeof result>;
	if (!issues) return (result as { readonly value: unknown }).value;
	const texts = issues.slice(0, 3).map(({ message, path }) => {
		const keys = (path ?? []).map((each) => String(typeof each === "object" ? each.key : each));
		return keys.length === 0 ? message : `${keys.join(".")}: ${message}`;
	});
	throw new IpcError("ERR_IPC_INVALID_MESSAGE", service, `${what}: ${texts.join("; ")}.`, { issues });
}
