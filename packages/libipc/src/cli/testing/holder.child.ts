/** Opens a name as a given kind and waits to be ended: `holder.child.ts PREFIX NAME KIND`. Prints `"open"` when it has it. */
import { Channel, Latest, Mutex, Queue, Route } from "libipc";

const [prefix = "", name = "", kind = ""] = process.argv.slice(2);

function open(): Disposable {
	if (kind === "channel") return Channel.receiver(name, { prefix, capacity: 4096 });
	if (kind === "route") return Route.receiver(name, { prefix });
	if (kind === "latest") return Latest.open(name, { prefix });
	if (kind === "queue") return Queue.receiver(name, { prefix });
	const mutex = Mutex.open(name, { prefix });
	mutex.lock();
	return mutex;
}

const held = open();
console.log(JSON.stringify("open"));
// What nothing refers to would be closed by the garbage collector.
setInterval(() => held.toString(), 1 << 30);
