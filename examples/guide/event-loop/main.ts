/** A web server that takes messages between its requests: `bun examples/guide/event-loop/main.ts`. */
import { Channel, Route } from "@libipc/core";

const [role = "server", prefix = `guide-${process.pid}`] = process.argv.slice(2);

/** Sends as fast as it can until nobody listens. It has nothing else to do, so it may block. */
function flood(): void {
	using events = Channel.sender("events", { prefix });
	while (events.send("event", { timeout: 5000 }));
}

async function serve(): Promise<void> {
	using events = Channel.receiver("events", { prefix });
	const flooder = Bun.spawn([process.execPath, import.meta.path, "flooder", prefix]);
	let count = 0;
	let ticks = 0;
	let answer = "";
	const timer = setInterval(() => ticks++, 1);
	const server = Bun.serve({ port: 0, fetch: () => new Response("hello") });
	for await (const message of events) {
		if (message.byteLength !== 5) throw new Error("not what was sent");
		// In the middle of the flood, which does not end before the answer is there.
		if (++count === 1000) void fetch(server.url).then(async (response) => (answer = await response.text()));
		if (count >= 10_000 && ticks > 0 && answer !== "") break;
	}
	console.log(`at least 10000 events: ${count >= 10_000}`);
	console.log(`timers went on: ${ticks > 0}`);
	console.log(`the request was answered: ${answer}`);
	clearInterval(timer);
	await server.stop();
	events.close();
	console.log(`the flooder saw that nobody listens: ${await flooder.exited}`);
}

/** Waits for as long as the process is there, but does not keep it there. */
async function watchSettings(): Promise<void> {
	using settings = Route.receiver("settings", { prefix }).unref();
	for await (const message of settings) console.log("new settings", message);
}

if (role === "flooder") {
	flood();
} else {
	void watchSettings();
	await serve();
}
