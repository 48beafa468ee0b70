/** In a Worker: opens a receiver on the name it is told and posts every message back. */
import { Channel } from "../index.ts";

declare const self: Worker;

self.onmessage = ({ data }: MessageEvent<{ prefix: string; name: string; count: number }>) => {
	const receiver = Channel.receiver(data.name, { prefix: data.prefix });
	self.postMessage("ready");
	for (let i = 0; i < data.count; i++) self.postMessage(new TextDecoder().decode(receiver.recv() ?? undefined));
};
