import { errorNames, Tag, VERSION, views } from "./structured_format.ts";

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const damaged = (why: string): RangeError => new RangeError(`it is not in the format of structured: ${why}`);

type ViewConstructor = new (buffer: ArrayBuffer) => ArrayBufferView;
type ErrorClass = new (message?: string) => Error;

/**
 * Reads what a {@link StructuredWriter} has written. Any bytes may come: every length is compared with what is left before anything is
 * allocated, and nothing is read past the end.
 */
export class StructuredReader {
	readonly #bytes: Uint8Array;
	readonly #view: DataView;
	readonly #objects: unknown[] = [];
	#at = 0;

	constructor(bytes: Uint8Array) {
		this.#bytes = bytes;
		this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	}

	read(): unknown {
		if (this.#bytes.byteLength === 0 || this.#byte() !== VERSION) throw damaged("it is of no version that is known");
		const value = this.#value();
		if (this.#at !== this.#bytes.byteLength) throw damaged("there are bytes behind the value");
		return value;
	}

	get #left(): number {
		return this.#bytes.byteLength - this.#at;
	}

	#byte(): number {
		const byte = this.#bytes[this.#at++];
		if (byte === undefined) throw damaged("it ends too early");
		return byte;
	}

	#varint(): number {
		let value = 0;
		let scale = 1;
		for (;;) {
			const byte = this.#byte();
			value += (byte & 0x7f) * scale;
			if (byte < 0x80) return value;
			scale *= 0x80;
			if (scale > 2 ** 35) throw damaged("a number is too large");
		}
	}

	/** A count of things, each of which has at least so many bytes. */
	#count(bytesOfEach: number): number {
		const count = this.#varint();
		if (count * bytesOfEach > this.#left) throw damaged("it ends too early");
		return count;
	}

	/** A length, and where so many bytes begin. */
	#block(): Uint8Array {
		const length = this.#count(1);
		const start = this.#at;
		this.#at += length;
		return this.#bytes.subarray(start, this.#at);
	}

	/** A copy of a block, in memory of its own. */
	#ownBlock(): ArrayBuffer {
		const block = this.#block();
		const copy = new Uint8Array(block.byteLength);
		copy.set(block);
		return copy.buffer;
	}

	#double(): number {
		if (this.#left < 8) throw damaged("it ends too early");
		const value = this.#view.getFloat64(this.#at, true);
		this.#at += 8;
		return value;
	}

	#string(tag: number): string {
		if (tag === Tag.string) return strict.decode(this.#block());
		if (tag !== Tag.string16) throw damaged("a string is missing");
		const block = this.#block();
		if (block.byteLength % 2 !== 0) throw damaged("a string has half a unit");
		return Buffer.from(block.buffer, block.byteOffset, block.byteLength).toString("utf16le");
	}

	/** Gives an object its number, before what is in it is read. */
	#known<Known>(object: Known): Known {
		this.#objects.push(object);
		return object;
	}

	#value(): unknown {
		const tag = this.#byte();
		switch (tag) {
			case Tag.undefined:
				return undefined;
			case Tag.null:
				return null;
			case Tag.true:
				return true;
			case Tag.false:
				return false;
			case Tag.integer:
				return this.#integer();
			case Tag.double:
				return this.#double();
			case Tag.string:
			case Tag.string16:
				return this.#string(tag);
			case Tag.bigint:
				return this.#bigint();
			case Tag.reference:
				return this.#reference();
			case Tag.object:
				return this.#object();
			case Tag.array:
				return this.#array();
			case Tag.sparseArray:
				return this.#sparseArray();
			case Tag.map:
				return this.#map();
			case Tag.set:
				return this.#set();
			case Tag.date:
				return this.#known(new Date(this.#double()));
			case Tag.regexp:
				return this.#regexp();
			case Tag.error:
				return this.#error();
			case Tag.arrayBuffer:
				return this.#known(this.#ownBlock());
			case Tag.view:
				return this.#dataView();
			case Tag.boxed:
				return this.#boxed();
			default:
				throw damaged(`there is no tag ${tag}`);
		}
	}

	#integer(): number {
		const value = this.#varint();
		return value % 2 === 0 ? value / 2 : -(value - 1) / 2 - 1;
	}

	#bigint(): bigint {
		const isNegative = this.#byte() === 1;
		const magnitude = Buffer.from(this.#block()).reverse().toString("hex");
		const value = BigInt(`0x${magnitude === "" ? "0" : magnitude}`);
		return isNegative ? -value : value;
	}

	#reference(): unknown {
		const number = this.#varint();
		if (number >= this.#objects.length) throw damaged("it refers to an object that is not there");
		return this.#objects[number];
	}

	#object(): object {
		const count = this.#count(3);
		const object: Record<string, unknown> = this.#known({});
		for (let i = 0; i < count; i++) {
			const key = this.#string(this.#byte());
			set(object, key, this.#value());
		}
		return object;
	}

	#array(): unknown[] {
		// Of holes, one tag stands for many elements: the memory grows with what is read.
		const length = this.#length();
		const array: unknown[] = this.#known([]);
		for (let i = 0; i < length; ) {
			if (this.#bytes[this.#at] === Tag.holes) {
				this.#at++;
				const holes = this.#varint();
				if (holes === 0 || holes > length - i) throw damaged("an array has more holes than elements");
				i += holes;
				array.length = i;
			} else array[i++] = this.#value();
		}
		return array;
	}

	#length(): number {
		const length = this.#varint();
		if (length > 2 ** 32 - 1) throw damaged("an array is too long");
		return length;
	}

	#sparseArray(): unknown[] {
		const length = this.#length();
		const count = this.#count(2);
		const array: unknown[] = this.#known([]);
		array.length = length;
		for (let i = 0; i < count; i++) {
			const index = this.#varint();
			if (index >= length) throw damaged("an element lies behind its array");
			array[index] = this.#value();
		}
		return array;
	}

	#map(): Map<unknown, unknown> {
		const count = this.#count(2);
		const map = this.#known(new Map<unknown, unknown>());
		for (let i = 0; i < count; i++) {
			const key = this.#value();
			map.set(key, this.#value());
		}
		return map;
	}

	#set(): Set<unknown> {
		const count = this.#count(1);
		const values = this.#known(new Set<unknown>());
		for (let i = 0; i < count; i++) values.add(this.#value());
		return values;
	}

	#regexp(): RegExp {
		const number = this.#objects.push(undefined) - 1;
		const source = this.#string(this.#byte());
		const value = new RegExp(source, this.#string(this.#byte()));
		this.#objects[number] = value;
		return value;
	}

	#error(): Error {
		const number = this.#objects.push(undefined) - 1;
		const name = this.#value();
		const message = this.#value();
		const stack = this.#value();
		const Class = (globalThis as unknown as Readonly<Record<string, ErrorClass>>)[
			errorNames.includes(name as string) ? (name as string) : "Error"
		] as ErrorClass;
		const error = new Class();
		this.#objects[number] = error;
		hide(error, "message", message === undefined ? "" : String(message));
		hide(error, "stack", stack === undefined ? undefined : String(stack));
		if (this.#byte() === 1) hide(error, "cause", this.#value());
		return error;
	}

	#dataView(): ArrayBufferView {
		const name = views[this.#byte()];
		const Class = name && (globalThis as unknown as Readonly<Record<string, ViewConstructor | undefined>>)[name];
		if (!Class) throw damaged(name ? `this runtime has no ${name}` : "there is no such class of views");
		return this.#known(new Class(this.#ownBlock()));
	}

	#boxed(): object {
		const number = this.#objects.push(undefined) - 1;
		const value = this.#value();
		if (value === null || value === undefined || typeof value === "object") throw damaged("a boxed value is none");
		const boxed: object = Object(value);
		this.#objects[number] = boxed;
		return boxed;
	}
}

/** Sets a property of a plain object, also one that is called `__proto__`. */
function set(object: Record<string, unknown>, key: string, value: unknown): void {
	if (key !== "__proto__") object[key] = value;
	else Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}

/** Sets a property that a loop does not show, as those of errors are. */
function hide(error: Error, key: string, value: unknown): void {
	Object.defineProperty(error, key, { value, writable: true, enumerable: false, configurable: true });
}
