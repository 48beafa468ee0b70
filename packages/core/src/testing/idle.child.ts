/** Waits for a message that does not come, and tells the CPU time that took: `idle.child.ts PREFIX NAME SECONDS`. */
import { Channel } from "../index.ts";

const [prefix = "", name = "", seconds] = process.argv.slice(2);
using endpoint = Channel.receiver(name, { prefix });
// The runtime's own start-up work ends first.
await Bun.sleep(1000);
Bun.gc(true);
const before = process.cpuUsage();
endpoint.recv({ timeout: Number(seconds) * 1000 });
const { user, system } = process.cpuUsage(before);
console.log(JSON.stringify({ cpuMs: (user + system) / 1000 }));
