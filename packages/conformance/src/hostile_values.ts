/**
 * Values that no caller should pass, and bytes that lie about themselves. Each call gets values of its own, because it may use
 * them up. The bytes of each one lie between guard bytes, which must neither be sent nor be written.
 */
import vm from "node:vm";

/** What the values of this file throw. It may pass through a call: it is the caller's own code that throws. */
export class Hostile extends Error {}

export const GUARD = 0xee;
export const CONTENT = 0x41;
const GUARDED = 64;
/** The bytes of each value that has bytes. */
export const BYTES = 16;

export interface Value {
	readonly value: unknown;
	/** All memory of a value with bytes; the guards are before and behind {@link BYTES}. */
	readonly memory?: Uint8Array;
	/** The call may send or use fewer bytes than there are, because the value says so. */
	readonly mayBeLess?: boolean;
	/** It makes the runtime throw a TypeError wherever it is used: a revoked Proxy, an iterable that breaks the protocol. */
	readonly throwsTypeError?: boolean;
}

type Make = () => Value;

/** Memory with guards, and the bytes between them. */
function guarded<Buffer extends ArrayBufferLike>(buffer: Buffer): { memory: Uint8Array<Buffer>; buffer: Buffer } {
	const memory = new Uint8Array(buffer).fill(GUARD);
	memory.fill(CONTENT, GUARDED, GUARDED + BYTES);
	return { memory, buffer };
}

const TOTAL = GUARDED + BYTES + GUARDED;
const plain = () => guarded(new ArrayBuffer(TOTAL));

function bytes(make: (buffer: ArrayBuffer) => unknown, rest: Omit<Value, "value" | "memory"> = {}): Make {
	return () => {
		const { memory, buffer } = plain();
		return { value: make(buffer), memory, ...rest };
	};
}

const u8 = (buffer: ArrayBufferLike): Uint8Array => new Uint8Array(buffer, GUARDED, BYTES);
const own = (properties: Record<string, unknown>) => (buffer: ArrayBuffer) =>
	Object.defineProperties(
		u8(buffer),
		Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, { value }])),
	);
const subclass = (byteLength: (real: number, array: Uint8Array) => unknown) => (buffer: ArrayBuffer) => {
	class Lies extends Uint8Array {
		override get byteLength(): number {
			return byteLength(super.byteLength, this) as number;
		}
		override get length(): number {
			return byteLength(super.length, this) as number;
		}
	}
	return new Lies(buffer, GUARDED, BYTES);
};
const withPrototype = (value: object, prototype: object | null): object => Object.setPrototypeOf(value, prototype);

function detach(buffer: ArrayBufferLike): void {
	structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
}

/** Answers differently each time. */
function alternating(): (real: number) => number {
	let reads = 0;
	return (real) => (reads++ % 2 === 0 ? real : 4096);
}

/** Everything that lies about bytes, or has them in an unusual way. */
export const bytesLike: Readonly<Record<string, Make>> = {
	"a Uint8Array": bytes(u8),
	"a Buffer": bytes((buffer) => Buffer.from(buffer, GUARDED, BYTES)),
	"an own byteLength that is more": bytes(own({ byteLength: 4096 })),
	"an own byteLength that is less": bytes(own({ byteLength: 4 }), { mayBeLess: true }),
	"an own byteLength that is a string": bytes(own({ byteLength: "4096" }), { mayBeLess: true }),
	"an own byteLength that is NaN": bytes(own({ byteLength: Number.NaN })),
	"an own byteLength that is a fraction": bytes(own({ byteLength: 15.5 }), { mayBeLess: true }),
	"an own byteLength that is negative": bytes(own({ byteLength: -1 })),
	"an own byteLength of an object": bytes((buffer) => {
		const next = alternating();
		return own({ byteLength: { valueOf: () => next(BYTES) } })(buffer);
	}),
	"an own length that is more": bytes(own({ length: 4096 })),
	"an own length that is less": bytes(own({ length: 4 })),
	"own elements of memory": bytes(own({ buffer: new ArrayBuffer(4096), byteOffset: 0, BYTES_PER_ELEMENT: 8 })),
	"own methods": bytes(own({ subarray: refuse, slice: refuse, set: refuse, constructor: refuse })),
	"a subclass that says more": bytes(subclass(() => 4096)),
	"a subclass that says less": bytes(
		subclass(() => 4),
		{ mayBeLess: true },
	),
	"a subclass that changes its mind": bytes((buffer) => subclass(alternating())(buffer)),
	"a subclass whose length throws": bytes(subclass(refuse)),
	"a subclass whose length detaches it": bytes(
		subclass((real, array) => {
			const buffer = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), "buffer")?.get?.call(
				array,
			) as ArrayBuffer;
			if (!buffer.detached) detach(buffer);
			return real;
		}),
	),
	"a Uint8Array without a prototype": bytes((buffer) => withPrototype(u8(buffer), null)),
	"a Uint8Array whose prototype is a Proxy": bytes((buffer) =>
		withPrototype(
			u8(buffer),
			new Proxy(Uint8Array.prototype, { get: (_, name) => (name === "byteLength" ? 4096 : 1) }),
		),
	),
	"a DataView with the prototype of a Uint8Array": bytes((buffer) =>
		withPrototype(new DataView(buffer, GUARDED, BYTES), Uint8Array.prototype),
	),
	"a DataView that pretends to be a Uint8Array": bytes((buffer) =>
		Object.defineProperties(withPrototype(new DataView(buffer, GUARDED, BYTES), Uint8Array.prototype), {
			byteLength: { value: 4096 },
			4095: { value: 1 },
		}),
	),
	"a Float64Array with the prototype of a Uint8Array": bytes((buffer) =>
		withPrototype(new Float64Array(buffer, GUARDED, BYTES / 8), Uint8Array.prototype),
	),
	"an Int32Array that pretends to be a Uint8Array": bytes(
		(buffer) =>
			Object.defineProperty(
				withPrototype(new Int32Array(buffer, GUARDED, BYTES / 4), Uint8Array.prototype),
				"byteLength",
				{ value: 4 },
			),
		{ mayBeLess: true },
	),
	"an Int8Array": bytes((buffer) => new Int8Array(buffer, GUARDED, BYTES)),
	"a BigInt64Array": bytes((buffer) => new BigInt64Array(buffer, GUARDED, BYTES / 8)),
	"a DataView": bytes((buffer) => new DataView(buffer, GUARDED, BYTES)),
	"a DataView with an own byteLength": bytes((buffer) =>
		Object.defineProperty(new DataView(buffer, GUARDED, BYTES), "byteLength", { value: 4096 }),
	),
	"an ArrayBuffer": () => {
		const memory = new Uint8Array(BYTES).fill(CONTENT);
		return { value: memory.buffer, memory };
	},
	"an ArrayBuffer with an own byteLength": () => {
		const memory = new Uint8Array(BYTES).fill(CONTENT);
		return { value: Object.defineProperty(memory.buffer, "byteLength", { value: 4096 }), memory };
	},
	"a SharedArrayBuffer": () => {
		const memory = new Uint8Array(new SharedArrayBuffer(BYTES)).fill(CONTENT);
		return { value: memory.buffer, memory };
	},
	"a view of shared memory": () => {
		const { memory, buffer } = guarded(new SharedArrayBuffer(TOTAL));
		return { value: u8(buffer), memory };
	},
	"a view of growable shared memory": () => {
		const { memory, buffer } = guarded(new SharedArrayBuffer(TOTAL, { maxByteLength: 2 * TOTAL }));
		return { value: u8(buffer), memory };
	},
	"a view of a resizable buffer": () => {
		const { memory, buffer } = guarded(new ArrayBuffer(TOTAL, { maxByteLength: 2 * TOTAL }));
		return { value: u8(buffer), memory };
	},
	"a view that follows its buffer": () => {
		const { memory, buffer } = guarded(new ArrayBuffer(TOTAL, { maxByteLength: 2 * TOTAL }));
		buffer.resize(GUARDED + BYTES);
		return { value: new Uint8Array(buffer, GUARDED), memory };
	},
	"an array of another realm": () => other(`new Uint8Array(buffer, ${GUARDED}, ${BYTES})`),
	"a DataView of another realm": () => other(`new DataView(buffer, ${GUARDED}, ${BYTES})`),
	"an array of another realm that says more": () =>
		other(`Object.defineProperty(new Uint8Array(buffer, ${GUARDED}, ${BYTES}), "byteLength", { value: 4096 })`),
	"a SharedArrayBuffer of another realm": () => {
		const value = vm.runInContext(`new SharedArrayBuffer(${BYTES})`, realm) as SharedArrayBuffer;
		return { value, memory: new Uint8Array(value).fill(CONTENT) };
	},
};

const realm = vm.createContext({});

/** Bytes of another realm: what an iframe, jsdom, or the sandbox of a test runner has. */
function other(expression: string): Value {
	const buffer = vm.runInContext(`var buffer = new ArrayBuffer(${TOTAL}); buffer`, realm) as ArrayBuffer;
	const { memory } = guarded(buffer);
	return { value: vm.runInContext(expression, realm), memory };
}

function refuse(): never {
	throw new Hostile("the value's own code");
}

/** Throws whatever is done with it. */
const refusing = (target: object): object =>
	new Proxy(target, new Proxy({}, { get: () => refuse }) as ProxyHandler<object>);

function revoked(target: object): object {
	const { proxy, revoke } = Proxy.revocable(target, {});
	revoke();
	return proxy;
}

const only =
	(value: unknown, rest: Omit<Value, "value"> = {}): Make =>
	() => ({ value, ...rest });

/** Every other value. */
export const others: Readonly<Record<string, Make>> = {
	undefined: only(undefined),
	null: only(null),
	true: only(true),
	"not a number": only(Number.NaN),
	"minus zero": only(-0),
	"minus one": only(-1),
	"a fraction": only(1.5),
	infinity: only(Number.POSITIVE_INFINITY),
	"2 to the power of 53": only(2 ** 53),
	"a BigInt": only(10n),
	"a symbol": only(Symbol("hostile")),
	"an empty string": only(""),
	"a string": only("text"),
	"a lone surrogate": only("\ud800"),
	"a String object": () => ({ value: new String("text") }),
	"a Number object": () => ({ value: new Number(5) }),
	"a Boolean object": () => ({ value: new Boolean(false) }),
	"a function": only(() => {}),
	"a class": only(class {}),
	"an async function": only(async () => {}),
	"an empty array": () => ({ value: [] }),
	"an array of numbers": () => ({ value: [1, 2] }),
	"an object": () => ({ value: {} }),
	"an object without a prototype": () => ({ value: Object.create(null) }),
	"an object that only looks like bytes": () => ({ value: Object.create(Uint8Array.prototype) }),
	"a date": () => ({ value: new Date(5) }),
	"a Map": () => ({ value: new Map([["a", 1]]) }),
	"a promise": () => ({ value: Promise.resolve(5) }),
	"an empty Uint8Array": () => ({ value: new Uint8Array(0), memory: new Uint8Array(0) }),
	"a detached array": () => {
		const value = new Uint8Array(BYTES);
		detach(value.buffer);
		return { value };
	},
	"a detached buffer": () => {
		const value = new ArrayBuffer(BYTES);
		detach(value);
		return { value };
	},
	"an array out of the bounds of its buffer": () => {
		const buffer = new ArrayBuffer(BYTES, { maxByteLength: BYTES });
		const value = new Uint8Array(buffer, 8, 8);
		buffer.resize(4);
		return { value };
	},
	"a DataView out of the bounds of its buffer": () => {
		const buffer = new ArrayBuffer(BYTES, { maxByteLength: BYTES });
		const value = new DataView(buffer, 8);
		buffer.resize(4);
		return { value };
	},
	"a Proxy of an array": () => ({ value: new Proxy(new Uint8Array(BYTES), {}) }),
	"a Proxy of a buffer": () => ({ value: new Proxy(new ArrayBuffer(BYTES), {}) }),
	"a Proxy of an object": () => ({ value: new Proxy({}, {}) }),
	"a Proxy that refuses everything": () => ({ value: refusing({}) }),
	"a Proxy of a function that refuses everything": () => ({ value: refusing(() => {}) }),
	"a revoked Proxy": () => ({ value: revoked({}), throwsTypeError: true }),
	"a revoked Proxy of an array": () => ({ value: revoked([]), throwsTypeError: true }),
	"an object that cannot be converted": () => ({
		value: { [Symbol.toPrimitive]: refuse, toString: refuse, valueOf: refuse },
	}),
	"an object without a name": () => ({
		value: {
			get [Symbol.toStringTag]() {
				return refuse();
			},
		},
	}),
	"options that refuse to be read": () => ({
		value: Object.defineProperties(
			{},
			Object.fromEntries(
				["timeout", "signal", "max", "prefix", "capacity", "onPeer", "size", "permissions"].map((name) => [
					name,
					{ get: refuse, enumerable: true },
				]),
			),
		),
	}),
	"an aborted signal": () => ({ value: AbortSignal.abort(new Hostile("aborted")) }),
	"an object that only looks like a signal": () => ({
		value: Object.create(AbortSignal.prototype),
		throwsTypeError: true,
	}),
	"a signal whose methods refuse": () => ({
		value: Object.assign(new AbortController().signal, { addEventListener: refuse, removeEventListener: refuse }),
	}),
	"a signal of another implementation that refuses": () => ({
		value: {
			aborted: false,
			addEventListener: refuse,
			removeEventListener: refuse,
			[Symbol.toStringTag]: "AbortSignal",
		},
	}),
	"an iterable that refuses": () => ({ value: { [Symbol.iterator]: refuse } }),
	"an iterable of nothing": () => ({ value: { [Symbol.iterator]: () => 5 }, throwsTypeError: true }),
	"an iterable whose steps are no objects": () => ({
		value: { [Symbol.iterator]: () => ({ next: () => 5 }) },
		throwsTypeError: true,
	}),
	"an iterable that refuses after a message": () => ({
		value: (function* () {
			yield "first";
			refuse();
		})(),
	}),
	"an iterable that refuses to end": () => ({
		value: {
			[Symbol.iterator]: () => ({ next: () => ({ value: 5, done: false }), return: refuse }),
		},
	}),
	// biome-ignore lint/suspicious/noThenProperty: that is the value
	"a thenable": () => ({ value: { then: refuse } }),
};
