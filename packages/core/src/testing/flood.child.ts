/** Sends messages of one size for as long as it lives: `flood.child.ts PREFIX NAME BYTES`. */
import { Channel } from "../index.ts";

const [prefix = "", name = "", bytes] = process.argv.slice(2);
using sender = Channel.sender(name, { prefix });
const message = new Uint8Array(Number(bytes));
console.log("ready");
while (sender.send(message));
