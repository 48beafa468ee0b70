/**
 * Receives and checks pattern messages: `receiver KIND PREFIX NAME COUNT LARGEST [drain]`. Ends after COUNT
 * messages, or when none has come for a while.
 */

import { createHash } from "node:crypto";
import { readPattern } from "@libipc/testing/pattern";
import { args, say } from "@libipc/testing/program";
import { Channel, Route } from "../under_test.ts";

const [kind, prefix = "", name = "", count, largest, drain] = args;
using endpoint = (kind === "route" ? Route : Channel).receiver(name, { prefix });
say("ready");

/** What came, in its order: equal at two receivers only if they saw the same messages in the same order. */
const order = createHash("sha256");
const entry = new Uint32Array(2);
const next: number[] = [];
let received = 0;

function accept(bytes: Uint8Array): void {
	const { sender, sequence } = readPattern(bytes, Number(largest));
	if (sequence !== (next[sender] ?? 0))
		throw new Error(`sender ${sender}: message ${sequence} came where ${next[sender] ?? 0} was due`);
	next[sender] = sequence + 1;
	entry[0] = sender;
	entry[1] = sequence;
	order.update(entry);
	received++;
}

const patience = { timeout: 5_000 };
const target = new Uint8Array(Number(largest));
while (received < Number(count)) {
	if (drain === "drain") {
		if (endpoint.drain(accept, patience) === 0) break;
	} else {
		const length = endpoint.recvInto(target, patience);
		if (length < 0) break;
		accept(target.subarray(0, length));
	}
}
say(JSON.stringify({ received, next, order: order.digest("hex") }));
