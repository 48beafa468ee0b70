import { workerData as prefix } from "node:worker_threads";
import { Channel, Queue } from "libipc";

const jobs = Queue.receiver("jobs", { prefix });
const results = Channel.sender("results", { prefix });
for (;;) {
	const job = new TextDecoder().decode(jobs.recv());
	if (job === "end") break;
	results.send(String(2 * Number(job)));
}
jobs.close();
results.close();
