/** A thread that ends with all kinds open, in one of {@link endings}: `ending HOW PREFIX NAME`. */
import { args, say } from "@libipc/testing/program";
import { Channel, Condition, Mutex, Queue, Route, RwLock, Semaphore, SharedMemory } from "../under_test.ts";

const [how = "", prefix = "", name = ""] = args;
/** A Worker has 14 MiB open: five of them do not fit into 64 MiB. */
const ring = { prefix, capacity: 1 << 22 };
/** So that the views are not collected. */
const kept: unknown[] = [];

/** Opens all kinds, uses them, and keeps what views there are. */
function openAll(): { close(): void }[] {
	const route = {
		receiver: Route.receiver(`${name}.route`, { prefix }),
		sender: Route.sender(`${name}.route`, { prefix }),
	};
	route.sender.send("message");
	route.receiver.recv();
	const channel = {
		receiver: Channel.receiver(`${name}.channel`, ring),
		sender: Channel.sender(`${name}.channel`, ring),
	};
	channel.sender.send("message");
	channel.receiver.drain((view) => kept.push(view));
	kept.push(channel.sender.loan(100));
	const queue = { receiver: Queue.receiver(`${name}.queue`, ring), sender: Queue.sender(`${name}.queue`, ring) };
	queue.sender.send("message");
	kept.push(queue.receiver.take());
	const memory = SharedMemory.open(`${name}.memory`, { prefix, size: 1 << 22 });
	memory.words.fill(1);
	kept.push(memory.bytes);
	const mutex = Mutex.open(`${name}.mutex`, { prefix });
	mutex.lock();
	mutex.unlock();
	const others = [
		Condition.open(`${name}.condition`, { prefix }),
		Semaphore.open(`${name}.semaphore`, { prefix }),
		RwLock.open(`${name}.rwlock`, { prefix }),
	];
	return [...Object.values(route), ...Object.values(channel), ...Object.values(queue), memory, mutex, ...others];
}

const opened = openAll();
say("open");
if (how === "closes") for (const each of opened) each.close();
else if (how === "exits") process.exit(0);
else if (how === "throws") throw new Error("on purpose");
else if (how === "waits")
	setInterval(() => kept.length, 60_000); // to be terminated
else if (how === "waits in a call") Channel.receiver(`${name}.channel`, ring).recv(); // the same
