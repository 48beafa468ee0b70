/**
 * Bytes that callers pass: whether a value has memory, and where it lies.
 *
 * `byteLength`, `length`, `buffer` and `byteOffset` can be overridden by a subclass or an own property, `instanceof` fails for values of
 * another realm (node:vm, Jest, jsdom), and a prototype can be replaced. Native code believes the length that it gets. So only the
 * intrinsic getters decide. They are taken once, when this file is loaded.
 *
 * Reading a property of a caller's object may run code of the caller, and that code may detach the memory or close the endpoint. What
 * is returned here holds until code of the caller runs again.
 */

type Getter<Value> = (this: unknown) => Value;

function intrinsic<Value>(prototype: object, name: PropertyKey): Getter<Value> {
	const getter: unknown = Object.getOwnPropertyDescriptor(prototype, name)?.get;
	if (typeof getter !== "function") throw new TypeError(`This runtime has no getter ${String(name)}.`);
	return getter as Getter<Value>;
}

const TypedArrayPrototype = Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array;

const typed = {
	/** The name of the class that made a typed array; undefined for every other value. */
	brand: intrinsic<string | undefined>(TypedArrayPrototype, Symbol.toStringTag),
	buffer: intrinsic<ArrayBufferLike>(TypedArrayPrototype, "buffer"),
	byteOffset: intrinsic<number>(TypedArrayPrototype, "byteOffset"),
	byteLength: intrinsic<number>(TypedArrayPrototype, "byteLength"),
	/** Throws if the memory of the array is detached, or out of the bounds of its buffer. */
	at: TypedArrayPrototype.at as (this: unknown, index: number) => unknown,
} as const;

/** They throw if the memory is detached or out of bounds. */
const dataView = {
	buffer: intrinsic<ArrayBufferLike>(DataView.prototype, "buffer"),
	byteOffset: intrinsic<number>(DataView.prototype, "byteOffset"),
	byteLength: intrinsic<number>(DataView.prototype, "byteLength"),
} as const;

const arrayBufferLength = intrinsic<number>(ArrayBuffer.prototype, "byteLength");
const sharedBufferLength = intrinsic<number>(SharedArrayBuffer.prototype, "byteLength");
const sharedBufferMost = intrinsic<number>(SharedArrayBuffer.prototype, "maxByteLength");
const growShared: (this: SharedArrayBuffer, byteLength: number) => void = SharedArrayBuffer.prototype.grow;

const { isView } = ArrayBuffer;
const { keys } = TypedArrayPrototype;

/** V8 compiles the getter of the brand to a load. An element is not overridden: the last one exists, and the next one does not. */
function ofElements(value: unknown): number {
	if (typed.brand.call(value) !== "Uint8Array") return 0;
	const bytes = value as Uint8Array;
	try {
		const length = +bytes.byteLength;
		return bytes[length - 1] !== undefined && bytes[length] === undefined ? length : 0;
	} catch {
		return 0; // of a subclass
	}
}

/**
 * JavaScriptCore calls the getters, which takes as long as a quarter of a send. It compiles `keys` to a check of the brand: it throws
 * for what is not a typed array with memory, and an iterator that is not used is not made. Of a typed array the element exists that the
 * length says is the last. So the result may be less than the array has, if a property says so, and is never more. The function is
 * small enough to be compiled into its caller. `Atomics.load` would refuse the same values, but is compiled to an instruction that
 * writes: in memory that cannot be written it ends the process.
 */
function ofKeys(value: unknown): number {
	if (!(value instanceof Uint8Array)) return 0;
	try {
		const length = +value.byteLength;
		keys.call(value);
		return value[length - 1] !== undefined ? length : 0;
	} catch {
		return 0; // of a subclass, or not a typed array
	}
}

/**
 * The bytes of a `Uint8Array` with memory, which may be passed to an engine unchanged. Not above 0 (also NaN): it is empty, its memory is
 * gone, or it is another or an unusual value: {@link bytesOf} decides. It is on the path of each message.
 */
export const plainLength: (value: unknown) => number = process.versions.bun ? ofKeys : ofElements;

/**
 * The bytes of a typed array, whatever its properties say; 0 if its memory is gone.
 *
 * @internal
 */
export function byteLengthOf(view: ArrayBufferView): number {
	return typed.byteLength.call(view);
}

/**
 * A view of the first `length` bytes of a typed array, with properties that nobody has overridden.
 *
 * @internal
 */
export function viewOfBytes(view: Uint8Array, length: number): Uint8Array {
	return new Uint8Array(typed.buffer.call(view), typed.byteOffset.call(view), length);
}

/**
 * The bytes of the whole buffer of a typed array.
 *
 * @internal
 */
export function bufferLengthOf(view: ArrayBufferView): number {
	return bufferLength(typed.buffer.call(view));
}

/** The buffer of a typed array, and where the array begins in it. */
export function memoryOf(view: ArrayBufferView): { readonly buffer: ArrayBufferLike; readonly byteOffset: number } {
	return { buffer: typed.buffer.call(view), byteOffset: typed.byteOffset.call(view) };
}

/**
 * Whether a value is a SharedArrayBuffer of any realm.
 *
 * @internal
 */
export function isSharedArrayBuffer(value: unknown): value is SharedArrayBuffer {
	try {
		return sharedBufferLength.call(value) >= 0;
	} catch {
		return false;
	}
}

/**
 * The sizes of a SharedArrayBuffer, whatever its own properties say. A program gets the one of the sab engine as `.buffer` of its views.
 *
 * @internal
 */
export const sharedBuffer = {
	byteLength: (buffer: SharedArrayBuffer): number => sharedBufferLength.call(buffer),
	maxByteLength: (buffer: SharedArrayBuffer): number => sharedBufferMost.call(buffer),
	grow(buffer: SharedArrayBuffer, byteLength: number): void {
		growShared.call(buffer, byteLength);
	},
} as const;

function bufferLength(buffer: unknown): number {
	if (buffer instanceof SharedArrayBuffer) return sharedBufferLength.call(buffer);
	try {
		return arrayBufferLength.call(buffer);
	} catch {
		return sharedBufferLength.call(buffer); // of another realm, or an exception
	}
}

/**
 * A view of the memory of a typed array, a DataView, an ArrayBuffer or a SharedArrayBuffer of any realm. The view is not known to the
 * caller, has this realm's prototype, and keeps its length when the buffer is resized. `undefined`: the value has no memory.
 */
export function bytesOf(value: unknown): Uint8Array | undefined {
	try {
		if (!isView(value)) return new Uint8Array(value as ArrayBuffer, 0, bufferLength(value));
		if (typed.brand.call(value) === undefined)
			return new Uint8Array(
				dataView.buffer.call(value),
				dataView.byteOffset.call(value),
				dataView.byteLength.call(value),
			);
		const length = typed.byteLength.call(value);
		if (length === 0) typed.at.call(value, 0);
		return new Uint8Array(typed.buffer.call(value), typed.byteOffset.call(value), length);
	} catch {
		return undefined;
	}
}

/** {@link bytesOf} for what must be a `Uint8Array` (or a Buffer), of any realm. */
export function uint8ArrayOf(value: unknown): Uint8Array | undefined {
	return isUint8Array(value) ? bytesOf(value) : undefined;
}

export function isUint8Array(value: unknown): boolean {
	return typed.brand.call(value) === "Uint8Array";
}

/** Whether the value is bytes whose memory is gone: its buffer was transferred, or shrunk to an end before them. */
export function lostMemory(value: unknown): boolean {
	if (bytesOf(value)) return false;
	if (isView(value)) return true;
	try {
		bufferLength(value);
		return true;
	} catch {
		return false;
	}
}
