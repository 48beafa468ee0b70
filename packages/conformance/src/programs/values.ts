/** Sends back each value, with each codec: `values PREFIX NAME`. Ends when it has sent all, or after 20 s without a value. */
import { args, say } from "@libipc/testing/program";
import { Channel } from "../under_test.ts";
import { samples } from "../value_codecs.ts";

const [prefix = "", name = ""] = args;
const ends = Object.entries(samples).map(([codec, sample]) => ({
	sample,
	receiver: Channel.receiver(`${name}.${codec}`, { prefix, codec: sample.codec }),
	sender: Channel.sender(`${name}.${codec}.back`, { prefix, codec: sample.codec }),
}));
say("ready");
for (const { sample, receiver, sender } of ends) {
	const value = await receiver.recvAsync({ timeout: 20_000 });
	// What FlatBuffers reads is not what it sends.
	const back = sample.codec.id.startsWith("flatbuffers") ? sample.value : value;
	if (value !== undefined) await sender.sendAsync(back as never);
}
for (const { receiver, sender } of ends) {
	receiver.close();
	sender.close();
}
