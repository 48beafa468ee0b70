/** Sends `count` pattern messages: `sender KIND PREFIX NAME SENDER COUNT LARGEST RECEIVERS [batch]`. */

import { writePattern } from "@libipc/testing/pattern";
import { args, say } from "@libipc/testing/program";
import { Channel, Route } from "../under_test.ts";

const [kind, prefix = "", name = "", sender, count, largest, receivers, batch] = args;
using endpoint = (kind === "route" ? Route : Channel).sender(name, { prefix });
if (!endpoint.waitForReceivers(Number(receivers), { timeout: 20_000 })) throw new Error("the receivers did not come");
say("ready");

let sent = 0;
if (batch === "batch") {
	const size = 100;
	for (; sent < Number(count); sent += size) {
		const messages = Array.from({ length: Math.min(size, Number(count) - sent) }, (_, i) =>
			writePattern(new Uint8Array(Number(largest)), Number(sender), sent + i, Number(largest)),
		);
		if (endpoint.sendBatch(messages, { timeout: 20_000 }) !== messages.length) throw new Error("a batch was cut short");
	}
	sent = Number(count);
} else {
	const buffer = new Uint8Array(Number(largest));
	for (; sent < Number(count); sent++) {
		const message = writePattern(buffer, Number(sender), sent, Number(largest));
		if (!endpoint.send(message, { timeout: 20_000 })) break;
	}
}
say(JSON.stringify({ sent }));
