import type { EndpointKind } from "@libipc/protocol";

/**
 * Turns values into the bytes of messages, and back. `libipc/codecs` has codecs for text, JSON and structured clones; a program can
 * use its own object.
 *
 * @typeParam Value - What receivers get.
 * @typeParam Sent - What senders accept; usually the same.
 * @example
 * import { Channel, type Codec } from "libipc";
 *
 * const point: Codec<{ x: number; y: number }> = {
 *   id: "shop.point",
 *   into: {
 *     size: () => 16,
 *     write({ x, y }, target) {
 *       const view = new DataView(target.buffer, target.byteOffset);
 *       view.setFloat64(0, x);
 *       view.setFloat64(8, y);
 *       return 16;
 *     },
 *   },
 *   decode(bytes) {
 *     const view = new DataView(bytes.buffer, bytes.byteOffset);
 *     return { x: view.getFloat64(0), y: view.getFloat64(8) };
 *   },
 * };
 * using receiver = Channel.receiver("points", { codec: point });
 * using sender = Channel.sender("points", { codec: point });
 * sender.send({ x: 1, y: 2 });
 * console.log(receiver.recv()?.y); // 2
 */
export interface Codec<Value, Sent = Value> {
	/**
	 * What the bytes are: 1 to 63 characters of printable ASCII, for example `json` or `protobuf:shop.Order`. The name in shared memory
	 * carries it: endpoints with another id are refused.
	 */
	readonly id: string;
	/**
	 * The bytes of a value. They are copied before the next call of this codec, so they may be memory that it uses again. A string is
	 * sent as UTF-8. An exception leaves the call that sends, and nothing is sent. Not needed with {@link into}.
	 */
	readonly encode?: ((value: Sent) => Uint8Array | string) | undefined;
	/** Writes values straight into the ring, without bytes in between. With it, {@link encode} is not used. */
	readonly into?: CodecInto<Sent> | undefined;
	/**
	 * The value of a message; never `undefined`. An exception makes the message invalid (`ERR_IPC_INVALID_MESSAGE`). `bytes` is valid
	 * only during the call, because it may lie in the ring; do not write to it. With {@link keepsBytes}, it is a copy that belongs to
	 * the value.
	 */
	readonly decode: (bytes: Uint8Array) => Value;
	/**
	 * The value of a message that is UTF-8. If there is such a function, endpoints use it instead of {@link decode} where that is faster.
	 * Bytes that are not UTF-8 make the message invalid.
	 */
	readonly decodeText?: ((text: string) => Value) | undefined;
	/** true: what {@link decode} returns refers to its `bytes`, so it gets a copy of the message. */
	readonly keepsBytes?: boolean | undefined;
	/**
	 * For a codec with state, for example one that counts messages: returns the codec of one endpoint, with the same id. It is called
	 * when an endpoint is opened or cloned. A sender calls it once more for the messages of `sendAsync`, because others may overtake
	 * them. So each codec that it returns has messages in the order in which they were sent, or are read.
	 */
	readonly forEndpoint?: ((endpoint: CodecEndpoint) => Codec<Value, Sent>) | undefined;
}

/** The endpoint that a codec is for. */
export interface CodecEndpoint {
	/** What it is an end of. */
	readonly kind: EndpointKind | "latest";
	/** The prefix of the name; empty: none. */
	readonly prefix: string;
	/** The name, without the prefix. */
	readonly name: string;
	/** Which end it is: a sender only encodes, and a receiver only decodes. A latest value has one codec of each. */
	readonly role: "sender" | "receiver";
}

/** How a codec writes values straight into the ring. */
export interface CodecInto<Sent> {
	/** How many bytes a value takes at most. */
	readonly size: (value: Sent) => number;
	/**
	 * Writes a value to `target`, which has as many bytes as `size` returned, and returns how many bytes it has written, from the first
	 * one on. What `target` holds before has no meaning. While it runs, the sender refuses calls that send (`ERR_IPC_REENTRANT`). If it
	 * throws, the space is given back, and nothing is sent.
	 */
	readonly write: (value: Sent, target: Uint8Array) => number;
}
