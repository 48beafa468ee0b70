/** Sends as many messages as each order says, so far apart that the receiver sleeps again before each. */
import { monotonicNs, Route } from "libipc";
import { serve } from "../launcher/started.ts";

const [name = "", gapUs = "1000"] = process.argv.slice(2);
const sender = Route.sender(name);
const asleep = new Int32Array(new SharedArrayBuffer(4));
const stamp = new Float64Array(1);
const message = new Uint8Array(stamp.buffer);

serve((count: number): "done" => {
	for (let left = count; left > 0; left--) {
		// Between messages this thread sleeps outside its event loop, as the native thread does.
		Atomics.wait(asleep, 0, 0, Number(gapUs) / 1000);
		stamp[0] = monotonicNs();
		sender.send(message);
	}
	return "done";
});
