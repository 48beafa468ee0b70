/**
 * Sends numbered messages in turns on four channels: `four_names.child.ts PREFIX COUNT SIZE`. Each message begins with its number in
 * the order over all names. It begins when each channel has a receiver, and prints `sent` at the end.
 */

import { seededRandom } from "@libipc/testing/random";
import { Channel } from "libipc";

const [prefix = "", count = "", size = ""] = process.argv.slice(2);
const senders = ["a", "b", "c", "d"].map((name) => Channel.sender(name, { prefix, stamp: true }));
console.log(JSON.stringify("open"));
for (const sender of senders) sender.waitForReceivers(1);
const random = seededRandom(5);
for (let number = 0; number < Number(count); number++) {
	const message = new Uint8Array(4 + random(Number(size)));
	new DataView(message.buffer).setUint32(0, number);
	message.fill(number, 4);
	senders[random(4)]?.send(message);
}
console.log(JSON.stringify("sent"));
for (const sender of senders) sender.close();
