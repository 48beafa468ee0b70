/** Sends as many messages as each line of its input says, so far apart that the receiver is asleep again. */
import { monotonicNs, Route } from "@libipc/core";

const [name = "", gapUs = "1000"] = process.argv.slice(2);
using sender = Route.sender(name);
const asleep = new Int32Array(new SharedArrayBuffer(4));
const stamp = new Float64Array(1);
const message = new Uint8Array(stamp.buffer);
for await (const line of console) {
	for (let left = Number(line); left > 0; left--) {
		// Without the event loop: between messages this process sleeps as the native thread does.
		Atomics.wait(asleep, 0, 0, Number(gapUs) / 1000);
		stamp[0] = monotonicNs();
		sender.send(message);
	}
}
