/** Holds what others want, until it is killed: `holder.child.ts WHAT PREFIX NAME`. */
import { Channel, list, Queue, Route } from "libipc";

const [what = "", prefix = "", name = ""] = process.argv.slice(2);
const options = { prefix };
/** Kept, so that nothing is collected. */
const held: unknown[] = [];
const holds: Record<string, () => unknown> = {
	receiver: () => held.push(Route.receiver(name, { ...options, capacity: 1 << 16 })),
	sender: () => held.push(Channel.sender(name, options)),
	loan() {
		const sender = Channel.sender(name, options);
		sender.waitForReceivers(1);
		sender.send("before");
		held.push(sender, sender.loan(64));
	},
	lease() {
		const receiver = Queue.receiver(name, options);
		const lease = receiver.take();
		held.push(receiver, lease);
		return lease && new TextDecoder().decode(lease.bytes);
	},
	list() {
		held.push(Route.sender(name, options));
		return list(options).map(({ kind, name: listed, state, endpoints }) => ({
			kind,
			name: listed,
			state,
			endpoints: endpoints.map(({ role, pid, alive }) => ({ role, pid, alive })),
		}));
	},
};
console.log(JSON.stringify(holds[what]?.() ?? null));
setInterval(() => held.length, 60_000);
