// As a user writes it: streams over endpoints.
import { createRequire } from "node:module";
import { Channel, IpcError } from "libipc";
import { text } from "libipc/codecs";
import { readableStream, writableStream } from "libipc/streams";

const options = { prefix: `packed${process.pid}`, codec: text() };
const receiver = Channel.receiver("lines", options);
const sender = Channel.sender("lines", options);
const { nodeReadable } = createRequire(import.meta.url)("libipc/streams");
const writer = writableStream(sender).getWriter();
await writer.write("text");
const { value } = await readableStream(receiver).getReader().read();
await writer.write("text");
let line;
for await (line of nodeReadable(receiver)) break;
let isKnown = false;
try {
	readableStream({});
} catch (error) {
	isKnown = error instanceof IpcError && error.constructor === IpcError;
}
console.log(value, line, isKnown);
receiver.close();
sender.close();
