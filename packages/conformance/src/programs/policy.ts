/**
 * Sends numbered messages as fast as it can: `policy KIND PREFIX NAME COUNT LARGEST METHOD [SENDER]`, METHOD one of
 * send, trySend, sendBatch. Prints the numbers' count and how many were refused.
 */

import { writePattern } from "@libipc/testing/pattern";
import { args, say } from "@libipc/testing/program";
import { factories, type Kind } from "../names.ts";

const [kind, prefix = "", name = "", count, largest, method, from = "0"] = args;
using sender = factories[kind as Kind].sender(name, { prefix });
say("ready");
let sent = 0;
let refused = 0;
const buffer = new Uint8Array(Number(largest));
while (sent < Number(count)) {
	if (method === "sendBatch") {
		const messages = Array.from({ length: 50 }, (_, i) =>
			writePattern(buffer, Number(from), sent + i, Number(largest)).slice(),
		);
		const accepted = sender.sendBatch(messages);
		sent += accepted;
		refused += messages.length - accepted;
	} else {
		const message = writePattern(buffer, Number(from), sent, Number(largest));
		if (method === "send" ? sender.send(message) : sender.trySend(message)) sent++;
		else refused++;
	}
}
say(JSON.stringify({ sent, refused }));
