/** In a Worker: waits asynchronously for all that comes on the name it is told, and says when it has begun. */
import { Channel } from "../index.ts";

declare const self: Worker;

self.onmessage = async ({ data }: MessageEvent<{ prefix: string; name: string }>) => {
	const receiver = Channel.receiver(data.name, { prefix: data.prefix, onPeer: () => {} });
	self.postMessage("ready");
	let received = 0;
	for await (const message of receiver) if (++received % 1000 === 1) self.postMessage(message.byteLength);
};
