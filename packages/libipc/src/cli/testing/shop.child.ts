/**
 * One of the programs that `docs/cli.md` shows: `shop.child.ts ROLE`. It prints `"open"` when it has opened its names, and waits to be
 * ended. The names have the prefix `shop`, in the folder that LIBIPC_DIR names.
 */
import { Channel, Latest, Mutex, Queue } from "libipc";
import { json } from "libipc/codecs";

const prefix = "shop";
const [role] = process.argv.slice(2);

function feed(): Disposable[] {
	const prices = Channel.sender("prices", { prefix, codec: json(), capacity: 65_536 });
	const jobs = Queue.sender("jobs", { prefix, capacity: 65_536 });
	const stock = Mutex.open("stock", { prefix });
	const settings = Latest.open<object>("settings", { prefix, codec: json() });
	stock.lock();
	settings.set({ currency: "EUR" });
	prices.waitForReceivers(1);
	prices.send({ item: "tea", price: 4 });
	jobs.sendBatch(["resize", "crop"]);
	return [prices, jobs, stock, settings];
}

const opened =
	role === "feed"
		? feed()
		: role === "screen"
			? [Channel.receiver("prices", { prefix, codec: json(), capacity: 65_536 })]
			: [Channel.receiver("audit", { prefix, capacity: 65_536 })];
console.log(JSON.stringify("open"));
// What nothing refers to would be closed by the garbage collector.
setInterval(() => opened.length, 1 << 30);
