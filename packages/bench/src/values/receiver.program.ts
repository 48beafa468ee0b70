/** Receives values until there are as many as the argument says: `receiver.program.ts PREFIX CODEC COUNT`. */
import { Channel } from "libipc";
import { codecs } from "./codecs.ts";

const [prefix = "", codec = "", count = "0"] = process.argv.slice(2);
const measured = codecs[codec];
if (!measured) throw new Error(`there is no codec ${codec}`);
using receiver = Channel.receiver("values", { prefix, codec: measured.codec });
using done = Channel.sender("done", { prefix });
for (let left = Number(count); left > 0; left--)
	if (receiver.recv({ timeout: 20_000 }) === undefined) throw new Error(`${left} values are missing`);
done.send("done");
