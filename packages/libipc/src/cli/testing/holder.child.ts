/** Opens a name as a given kind and waits to be ended: `holder.child.ts PREFIX NAME KIND`. Prints `open` when it has it. */
import { Channel, Mutex, Queue, Route } from "libipc";

const [prefix = "", name = "", kind = ""] = process.argv.slice(2);
const options = { prefix };
if (kind === "channel") Channel.receiver(name, { ...options, capacity: 4096 });
if (kind === "route") Route.receiver(name, options);
if (kind === "queue") Queue.receiver(name, options);
if (kind === "mutex") Mutex.open(name, options).lock();
console.log(JSON.stringify("open"));
setInterval(() => {}, 1 << 30);
