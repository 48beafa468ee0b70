/** A web server that receives messages between its requests: `bun examples/guide/event-loop/main.ts`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Channel, Route } from "libipc";

const [role = "server", prefix = `guide-${process.pid}`] = process.argv.slice(2);

/** Sends as fast as possible until no receiver is connected. It has nothing else to do, so it may block. */
function flood(): void {
	using events = Channel.sender("events", { prefix });
	while (events.send("event", { timeout: 5000 }));
}

async function serve(): Promise<void> {
	using events = Channel.receiver("events", { prefix });
	const program = [...process.execArgv, import.meta.filename, "flooder", prefix];
	const flooder = once(spawn(process.execPath, program, { stdio: "inherit" }), "exit");
	let count = 0;
	let ticks = 0;
	let answer = "";
	const timer = setInterval(() => ticks++, 1);
	const server = createServer((_, response) => response.end("hello")).listen(0, "127.0.0.1");
	await once(server, "listening");
	const { port } = server.address() as AddressInfo;
	for await (const message of events) {
		if (message.byteLength !== 5) throw new Error("this is not the message that was sent");
		// A request during the flood. The flood continues until the answer has arrived.
		if (++count === 1000)
			void fetch(`http://127.0.0.1:${port}`).then(async (response) => (answer = await response.text()));
		if (count >= 10_000 && ticks > 0 && answer !== "") break;
	}
	console.log(`at least 10000 events: ${count >= 10_000}`);
	console.log(`timers ran: ${ticks > 0}`);
	console.log(`the request was answered: ${answer}`);
	clearInterval(timer);
	server.close();
	server.closeAllConnections();
	events.close();
	const [code] = await flooder;
	console.log(`the flooder ended with exit code ${code}`);
}

/** Waits as long as the process runs, but does not keep the process alive. */
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
