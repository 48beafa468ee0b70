// Streams, for the TypeScript compiler only. Their declarations need the types of Node or of Bun.
import { Channel } from "libipc";
import { text } from "libipc/codecs";
import { nodeReadable, nodeWritable, readableStream, writableStream } from "libipc/streams";

using receiver = Channel.receiver("lines", { prefix: "consumer", codec: text() });
using sender = Channel.sender("copies", { prefix: "consumer", codec: text() });
const lines: ReadableStream<string> = readableStream(receiver);
await lines.pipeTo(writableStream(sender));
nodeReadable(receiver).pipe(nodeWritable(sender));
