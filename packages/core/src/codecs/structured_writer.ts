import { errorNames, Tag, VERSION, views } from "./structured_format.ts";

/** Longer messages are written to memory that is not kept. */
const KEPT_BYTES = 65_536;
/** An array with fewer elements than this share of its length is written as a sparse one. */
const SPARSE_LENGTH = 1024;

const { isWellFormed } = String.prototype as string & { isWellFormed?: () => boolean };
const toStringOf = Object.prototype.toString;

/** Writes values as the codec `structured` does. */
export class StructuredWriter {
	#bytes: Buffer = Buffer.allocUnsafeSlow(256);
	#length = 0;
	/** The numbers of the objects of this message. */
	#objects = new Map<object, number>();

	/** The bytes of a value. They are valid until the next call. */
	write(value: unknown): Uint8Array {
		this.#length = 0;
		try {
			this.#byte(VERSION);
			this.#value(value);
			return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset, this.#length);
		} finally {
			this.#objects.clear();
			if (this.#bytes.byteLength > KEPT_BYTES) this.#bytes = Buffer.allocUnsafeSlow(256);
		}
	}

	/** Makes room for so many more bytes. Returns where they begin. */
	#room(bytes: number): number {
		const at = this.#length;
		const end = at + bytes;
		if (end > this.#bytes.byteLength) {
			const larger = Buffer.allocUnsafeSlow(Math.max(end, 2 * this.#bytes.byteLength));
			larger.set(this.#bytes.subarray(0, at));
			this.#bytes = larger;
		}
		this.#length = end;
		return at;
	}

	#byte(byte: number): void {
		const at = this.#room(1);
		this.#bytes[at] = byte;
	}

	#varint(value: number): void {
		let rest = value;
		while (rest >= 0x80) {
			this.#byte((rest % 0x80) | 0x80);
			rest = Math.floor(rest / 0x80);
		}
		this.#byte(rest);
	}

	#double(value: number): void {
		const at = this.#room(8);
		this.#bytes.writeDoubleLE(value, at);
	}

	#block(bytes: Uint8Array): void {
		this.#varint(bytes.byteLength);
		const at = this.#room(bytes.byteLength);
		this.#bytes.set(bytes, at);
	}

	/** A tag, which says the encoding, and the text. */
	#string(text: string): void {
		if (isWellFormed === undefined || isWellFormed.call(text)) {
			const length = Buffer.byteLength(text);
			this.#byte(Tag.string);
			this.#varint(length);
			const at = this.#room(length);
			this.#bytes.write(text, at, length, "utf8");
		} else {
			this.#byte(Tag.string16);
			this.#varint(text.length * 2);
			const at = this.#room(text.length * 2);
			this.#bytes.write(text, at, text.length * 2, "utf16le");
		}
	}

	#value(value: unknown): void {
		switch (typeof value) {
			case "undefined":
				this.#byte(Tag.undefined);
				break;
			case "boolean":
				this.#byte(value ? Tag.true : Tag.false);
				break;
			case "number":
				this.#number(value);
				break;
			case "string":
				this.#string(value);
				break;
			case "bigint":
				this.#bigint(value);
				break;
			case "object":
				if (value === null) this.#byte(Tag.null);
				else this.#object(value);
				break;
			default:
				throw refused(typeof value);
		}
	}

	#number(value: number): void {
		if (Number.isInteger(value) && Math.abs(value) < 2 ** 31 && !Object.is(value, -0)) {
			this.#byte(Tag.integer);
			this.#varint(value >= 0 ? value * 2 : -(value + 1) * 2 + 1);
		} else {
			this.#byte(Tag.double);
			this.#double(value);
		}
	}

	#bigint(value: bigint): void {
		this.#byte(Tag.bigint);
		this.#byte(value < 0n ? 1 : 0);
		const digits = (value < 0n ? -value : value).toString(16);
		this.#block(Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, "hex").reverse());
	}

	#object(value: object): void {
		const known = this.#objects.get(value);
		if (known !== undefined) {
			this.#byte(Tag.reference);
			this.#varint(known);
			return;
		}
		this.#objects.set(value, this.#objects.size);
		const prototype: unknown = Object.getPrototypeOf(value);
		if (Array.isArray(value)) this.#array(value);
		else if (prototype === Object.prototype || prototype === null) this.#plain(value);
		else if (ArrayBuffer.isView(value)) this.#view(value);
		else this.#instance(value);
	}

	/** An object of a class, or of another realm. */
	#instance(value: object): void {
		const what = toStringOf.call(value).slice("[object ".length, -1);
		switch (what) {
			case "Object":
				this.#plain(value);
				break;
			case "Map":
				this.#map(value as Map<unknown, unknown>);
				break;
			case "Set":
				this.#set(value as Set<unknown>);
				break;
			case "Date":
				this.#byte(Tag.date);
				this.#double(Date.prototype.getTime.call(value));
				break;
			case "RegExp":
				this.#byte(Tag.regexp);
				this.#string((value as RegExp).source);
				this.#string((value as RegExp).flags);
				break;
			case "Error":
				this.#error(value as Error);
				break;
			case "ArrayBuffer":
				this.#byte(Tag.arrayBuffer);
				this.#block(bytesOf(value as ArrayBuffer));
				break;
			case "Number":
			case "String":
			case "Boolean":
			case "BigInt":
				this.#byte(Tag.boxed);
				this.#value((value as { valueOf(): unknown }).valueOf());
				break;
			default:
				// An error of a class with a tag of its own is one all the same.
				if (!(value instanceof Error)) throw refused(`an object of the class ${what}`);
				this.#error(value);
		}
	}

	#plain(value: object): void {
		const keys = Object.keys(value);
		this.#byte(Tag.object);
		this.#varint(keys.length);
		for (const key of keys) {
			this.#string(key);
			this.#value((value as Record<string, unknown>)[key]);
		}
	}

	#array(value: readonly unknown[]): void {
		const { length } = value;
		if (length > SPARSE_LENGTH && this.#isSparse(value)) return;
		this.#byte(Tag.array);
		this.#varint(length);
		for (let i = 0; i < length; ) {
			const element = value[i];
			if (element !== undefined || i in value) {
				this.#value(element);
				i++;
				continue;
			}
			const first = i;
			while (i < length && !(i in value)) i++;
			this.#byte(Tag.holes);
			this.#varint(i - first);
		}
	}

	/** Writes an array that is mostly holes; false: it is not one. */
	#isSparse(value: readonly unknown[]): boolean {
		const { length } = value;
		// An array without holes has its last and its middle elements, too: most are not counted.
		if (length - 1 in value && length >> 1 in value && 0 in value) return false;
		const indices = Object.keys(value).filter((key) => String(Number(key) >>> 0) === key && Number(key) < length);
		if (indices.length * 2 > length) return false;
		this.#byte(Tag.sparseArray);
		this.#varint(length);
		this.#varint(indices.length);
		for (const index of indices) {
			this.#varint(Number(index));
			this.#value(value[Number(index)]);
		}
		return true;
	}

	#map(value: Map<unknown, unknown>): void {
		// A copy: a getter may change the map while it is written.
		const entries: unknown[] = [];
		Map.prototype.forEach.call(value, (each, key) => entries.push(key, each));
		this.#byte(Tag.map);
		this.#varint(entries.length / 2);
		for (const each of entries) this.#value(each);
	}

	#set(value: Set<unknown>): void {
		const values: unknown[] = [];
		Set.prototype.forEach.call(value, (each) => values.push(each));
		this.#byte(Tag.set);
		this.#varint(values.length);
		for (const each of values) this.#value(each);
	}

	#error(value: Error): void {
		const { name, message, stack } = value;
		this.#byte(Tag.error);
		this.#value(errorNames.includes(name) ? name : "Error");
		this.#value(message === undefined ? undefined : String(message));
		this.#value(stack === undefined ? undefined : String(stack));
		const hasCause = Object.hasOwn(value, "cause");
		this.#byte(hasCause ? 1 : 0);
		if (hasCause) this.#value(value.cause);
	}

	#view(value: ArrayBufferView): void {
		const what = toStringOf.call(value).slice("[object ".length, -1);
		const index = (views as readonly string[]).indexOf(what);
		if (index < 0) throw refused(`an object of the class ${what}`);
		this.#byte(Tag.view);
		this.#byte(index);
		this.#block(bytesOf(value.buffer, value.byteOffset, value.byteLength));
	}
}

/** A value that the codec refuses: other TypeErrors come from getters of the value. */
export class NotCloneable extends TypeError {}

const refused = (what: string): TypeError =>
	new NotCloneable(`The codec "structured" cannot send ${what}. It sends what structuredClone copies.`);

/** The bytes of a buffer, or of a part of it. */
function bytesOf(buffer: ArrayBufferLike, offset?: number, length?: number): Uint8Array {
	try {
		return new Uint8Array(buffer, offset, length);
	} catch {
		throw refused("bytes whose buffer was transferred");
	}
}
