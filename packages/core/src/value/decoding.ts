import { IpcError, type SchemaIssue } from "@libipc/protocol";
import { invalid, show } from "../check/argument.ts";
import type { AnyCodec } from "./check_codec.ts";
import type { StandardSchema } from "./standard_schema.ts";

/** Only for what may not be UTF-8: `utf8Slice` of a Buffer is faster for short texts. It keeps a byte order mark, as that does. */
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What a Buffer of each runtime has, and its types do not say: `toString` takes longer for a short text than this, which it calls. */
export interface Utf8Buffer extends Uint8Array {
	utf8Slice(start: number, end: number): string;
}

type Validate = StandardSchema["~standard"]["validate"];

const EXAMPLE = "such as z.object({ … })";

/** Checks a schema. Returns its function, which is read once. */
export function checkSchema(endpoint: string, schema: unknown): Validate | undefined {
	if (schema === undefined) return undefined;
	const isOne = schema !== null && (typeof schema === "object" || typeof schema === "function");
	const standard: unknown = isOne ? (schema as Partial<StandardSchema>)["~standard"] : undefined;
	if (standard === null || typeof standard !== "object")
		throw invalid(
			endpoint,
			`schema must be a Standard Schema, ${EXAMPLE} of zod, valibot or arktype, not ${show(schema)}.`,
		);
	const { version, validate } = standard as Partial<StandardSchema["~standard"]>;
	if (version !== 1 || typeof validate !== "function")
		throw invalid(
			endpoint,
			`schema must be a Standard Schema of version 1, ${EXAMPLE}; its version is ${show(version)}.`,
		);
	return validate.bind(standard) as Validate;
}

const MOST_SHOWN = 3;

/** A thing that a schema found wrong, as text: `items.0.amount: Expected number`. */
function issueText({ message, path }: SchemaIssue): string {
	const keys = (path ?? []).map((each) => String(typeof each === "object" ? each.key : each));
	return keys.length === 0 ? message : `${keys.join(".")}: ${message}`;
}

function issuesText(issues: readonly SchemaIssue[]): string {
	const shown = issues.slice(0, MOST_SHOWN).map(issueText).join("; ");
	return issues.length > MOST_SHOWN ? `${shown}; and ${issues.length - MOST_SHOWN} more` : shown;
}

/** Whether reading a message failed because of the message. */
export const isInvalidMessage = (error: unknown): error is IpcError =>
	error instanceof IpcError && error.code === "ERR_IPC_INVALID_MESSAGE";

/** How a receiver makes values of messages: by its codec, and then its schema. */
export class Decoding {
	readonly #name: string;
	readonly #endpoint: string;
	readonly #codec: AnyCodec;
	readonly #decodeText: (text: string) => unknown;
	readonly #validate: Validate | undefined;
	/** Whether {@link fromText} is to be used for bytes that are in a Buffer already. */
	readonly isText: boolean;

	/** `endpoint`: how error messages name the name. */
	constructor(name: string, endpoint: string, codec: AnyCodec, validate: Validate | undefined) {
		this.#name = name;
		this.#endpoint = endpoint;
		this.#codec = codec;
		this.#decodeText = codec.decodeText ?? (() => undefined);
		this.#validate = validate;
		this.isText = codec.decodeText !== undefined;
	}

	/** For a clone of the receiver: its codec has its own state. */
	renew(): Decoding {
		const codec = this.#codec.renew();
		return codec === this.#codec ? this : new Decoding(this.#name, this.#endpoint, codec, this.#validate);
	}

	/** The value of a message that is the first `length` bytes of a Buffer of the receiver. */
	fromText(memory: Utf8Buffer, length: number): unknown {
		let value: unknown;
		try {
			let text = memory.utf8Slice(0, length);
			// What is not UTF-8 has become this character, which a text may also have.
			if (text.includes("\uFFFD")) text = strict.decode(memory.subarray(0, length));
			value = this.#decodeText(text);
			if (this.#validate !== undefined) value = this.#validated(this.#validate, value);
		} catch (error) {
			throw this.#refused(error, memory.subarray(0, length));
		}
		if (value === undefined) throw this.#undefinedError(memory.subarray(0, length));
		return value;
	}

	/** The value of a message. `bytes` may lie in the ring: they are valid during the call. */
	fromBytes(bytes: Uint8Array): unknown {
		// A codec gets no shared memory: a TextDecoder, among others, refuses it.
		const own = this.#codec.keepsBytes || bytes.buffer instanceof SharedArrayBuffer ? copyOf(bytes) : bytes;
		let value: unknown;
		try {
			value = this.#codec.decodeText ? this.#codec.decodeText(strict.decode(own)) : this.#codec.decode(own);
			if (this.#validate !== undefined) value = this.#validated(this.#validate, value);
		} catch (error) {
			throw this.#refused(error, bytes);
		}
		if (value === undefined) throw this.#undefinedError(bytes);
		return value;
	}

	#validated(validate: Validate, value: unknown): unknown {
		const result = validate(value);
		if ("then" in result && typeof result.then === "function") {
			result.then(undefined, () => {});
			throw invalid(
				this.#name,
				`The schema of ${this.#endpoint} is asynchronous: it returned a promise. Calls that read messages do not wait for one. Use a schema without asynchronous checks, and do these with the value.`,
			);
		}
		const { issues } = result as Awaited<typeof result>;
		if (issues) throw new Issues(issues);
		return (result as { readonly value: unknown }).value;
	}

	#refused(error: unknown, bytes: Uint8Array): IpcError {
		// The program is wrong, not the message.
		if (error instanceof IpcError && error.code === "ERR_IPC_INVALID_ARGUMENT") return error;
		const issues = error instanceof Issues ? error.issues : undefined;
		const what = `A message of ${this.#endpoint} is invalid`;
		const message = issues
			? `${what}: ${issuesText(issues)}.`
			: `${what}: ${bytes.byteLength} bytes are not what the codec ${JSON.stringify(this.#codec.id)} reads: ${show(messageOf(error))}.`;
		return this.#invalid(message, bytes, issues, issues ? undefined : error);
	}

	#undefinedError(bytes: Uint8Array): IpcError {
		return this.#invalid(
			`A message of ${this.#endpoint} is invalid: the codec ${JSON.stringify(this.#codec.id)}${this.#validate ? ", or the schema," : ""} has made undefined of it, which stands for no message. Use null.`,
			bytes,
		);
	}

	#invalid(message: string, bytes: Uint8Array, issues?: readonly SchemaIssue[], cause?: unknown): IpcError {
		return new IpcError("ERR_IPC_INVALID_MESSAGE", this.#name, message, { issues, cause, bytes: copyOf(bytes) });
	}
}

/** What a schema found wrong, on its way to the error for the caller. */
class Issues {
	readonly issues: readonly SchemaIssue[];

	constructor(issues: readonly SchemaIssue[]) {
		this.issues = issues;
	}
}

function messageOf(error: unknown): string {
	try {
		return error instanceof Error ? error.message : String(error);
	} catch {
		return "an exception without a text";
	}
}

/** A copy in memory of its own, whatever the array's class does. Its memory may be gone by now: then it is empty. */
function copyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
	const copy = new Uint8Array(bytes.byteLength);
	copy.set(bytes);
	return copy;
}
