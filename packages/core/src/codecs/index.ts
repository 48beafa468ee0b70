/**
 * Codecs that need no other package. A codec turns the values of a program into the bytes of messages, and back.
 *
 * @example
 * import { Channel } from "libipc";
 * import { json } from "libipc/codecs";
 *
 * using receiver = Channel.receiver("orders", { codec: json<{ id: number }>() });
 * using sender = Channel.sender("orders", { codec: json<{ id: number }>() });
 * sender.send({ id: 1 });
 * console.log(receiver.recv()?.id); // 1
 *
 * @module libipc/codecs
 */
export { bytes } from "./bytes.ts";
export { json } from "./json.ts";
export { structured } from "./structured.ts";
export { text } from "./text.ts";
