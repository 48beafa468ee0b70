/** The rows of bench:operations about what an endpoint can do beside sending and receiving. */
import { Channel, listen, merge, Queue, type QueueReceiver } from "libipc";
import { readableStream } from "libipc/streams";
import { bench, do_not_optimize, group } from "mitata";

const message = new Uint8Array(64).fill(1);
const target = new Uint8Array(64);

/** `keep`: closes an endpoint when the program ends. */
type Keep = <Endpoint extends Disposable>(endpoint: Endpoint) => Endpoint;

function channels(prefix: string, keep: Keep): void {
	const open = (name: string, options: { readonly stamp?: boolean; readonly lossy?: boolean } = {}) => {
		const receiver = keep(Channel.receiver(name, { prefix, ...options }));
		const sender = keep(Channel.sender(name, { prefix, ...(options.stamp && { stamp: true }) }));
		return { sender, receiver };
	};
	const plain = open("plain");
	const observed = open("observed", { lossy: true });
	const stamped = open("stamped", { stamp: true });
	const sendAndReceive = ({ sender, receiver }: typeof plain) => {
		sender.send(message);
		return do_not_optimize(receiver.recvInto(target));
	};
	group("64 B over a channel: send + recvInto", () => {
		bench("as it is", () => sendAndReceive(plain));
		bench("with stamps", () => sendAndReceive(stamped));
		bench("by an observer", () => sendAndReceive(observed));
	});
	group("64 B over a channel: send, then", () => {
		bench("recvLatest", () => {
			plain.sender.send(message);
			return do_not_optimize(plain.receiver.recvLatest());
		});
		bench("recvInto + flush", async () => {
			sendAndReceive(plain);
			return do_not_optimize(await plain.sender.flush());
		});
		const { sender, receiver } = open("merged");
		const merged = merge(receiver)[Symbol.asyncIterator]();
		bench("the next of merge", async () => {
			sender.send(message);
			return do_not_optimize(await merged.next());
		});
		const streamed = open("streamed");
		const reader = readableStream(streamed.receiver).getReader();
		bench("read of a readable stream", async () => {
			streamed.sender.send(message);
			return do_not_optimize(await reader.read());
		});
		const handled = open("handled");
		let resolve: () => void = () => {};
		listen(handled.receiver, () => resolve());
		bench("the handler of listen", async () => {
			const arrived = new Promise<void>((done) => {
				resolve = done;
			});
			handled.sender.send(message);
			await arrived;
		});
	});
}

function queues(prefix: string, keep: Keep): void {
	const jobs = keep(Queue.sender("jobs", { prefix }));
	const worker: QueueReceiver = keep(Queue.receiver("jobs", { prefix, deadLetter: "dead", prefetch: 8 }));
	const dead = keep(Queue.receiver("dead", { prefix }));
	const take = (receiver: QueueReceiver) => {
		const lease = receiver.take({ timeout: 0 });
		if (!lease) throw new Error("there is no message");
		return lease;
	};
	group("64 B over a queue: send, take, then", () => {
		bench("done", () => {
			jobs.send(message);
			take(worker).done();
		});
		bench("retry, take, done", () => {
			jobs.send(message);
			take(worker).retry();
			take(worker).done();
		});
		bench("reject, take of the dead letter, done", () => {
			jobs.send(message);
			take(worker).reject();
			take(dead).done();
		});
	});
}

export function features(prefix: string): void {
	const stack = new DisposableStack();
	const keep: Keep = (endpoint) => stack.use(endpoint);
	channels(prefix, keep);
	queues(prefix, keep);
	process.on("exit", () => stack.dispose());
}
