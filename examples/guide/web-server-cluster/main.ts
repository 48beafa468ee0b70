/** A cluster of two web servers, and two processes that do the work: `node examples/guide/web-server-cluster/main.ts`. */
import { spawn } from "node:child_process";
import cluster from "node:cluster";
import { scryptSync } from "node:crypto";
import { once } from "node:events";
import { createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { Service } from "libipc/service";

const [role = "main", prefix = `guide-${process.pid}`] = process.argv.slice(2);
const REQUESTS = 60;

/** Takes milliseconds: in a web server it would delay all other requests. */
const hashOf = (password: string): string => scryptSync(password, "salt", 16, { N: 1024 }).toString("hex");

const handlers = { hash: hashOf };

async function work(): Promise<void> {
	const server = Service.serve("passwords", handlers, {
		prefix,
		// What a process takes from the queue, no other one can take: one at a time shares the work evenly.
		concurrency: 1,
		// If this process is killed in the middle, another one does it again.
		methods: { hash: { idempotent: true } },
	});
	process.once("SIGTERM", () => server.shutdown());
	await server.ended;
}

function web(): void {
	// An idle client does not keep the process alive: it ends when the cluster disconnects.
	const passwords = Service.connect<typeof handlers>("passwords", { prefix });
	const server = createServer(async ({ url = "" }, response) => {
		const hungUp = new AbortController();
		response.once("close", () => hungUp.abort());
		try {
			const hash = await passwords.$with({ timeout: 10_000, signal: hungUp.signal }).hash(url.slice(1));
			response.end(JSON.stringify({ hash, servedBy: process.pid }));
		} catch (error) {
			response.writeHead(503).end(String(error));
		}
	});
	server.listen(0, "127.0.0.1"); // All processes of a cluster get the same port.
}

async function main(): Promise<void> {
	const [worker, otherWorker] = [1, 2].map(() => {
		const program = [...process.execArgv, import.meta.filename, "work", prefix];
		const child = spawn(process.execPath, program, { stdio: "inherit" });
		return { child, ended: once(child, "exit") };
	});
	cluster.setupPrimary({ exec: import.meta.filename, args: ["web", prefix] });
	const servers = [cluster.fork(), cluster.fork()];
	const serversEnded = servers.map((server) => once(server, "exit"));
	const [[address]] = (await Promise.all(servers.map((server) => once(server, "listening")))) as [[AddressInfo]];

	const request = async (password: string) => {
		const { promise, resolve, reject } = Promise.withResolvers<ReturnType<typeof json>>();
		get({ port: address.port, path: `/${password}`, agent: false }, (response) => resolve(json(response))).on(
			"error",
			reject,
		);
		const { hash, servedBy } = (await promise) as { hash: string; servedBy: number };
		return { right: hash === hashOf(password), servedBy };
	};
	const requests = Array.from({ length: REQUESTS }, (_, i) => request(`password${i}`));
	await Promise.race(requests);
	worker?.child.kill("SIGKILL"); // In the middle of its work.
	const answers = await Promise.all(requests);
	console.log(`${REQUESTS} requests, one worker killed: all answers right: ${answers.every(({ right }) => right)}`);
	console.log(`both servers answered: ${new Set(answers.map(({ servedBy }) => servedBy)).size === 2}`);

	cluster.disconnect();
	otherWorker?.child.kill("SIGTERM");
	const exits = await Promise.all([worker?.ended, otherWorker?.ended, ...serversEnded]);
	console.log(`exits: ${exits.map((exit) => exit?.[1] ?? exit?.[0]).join(", ")}`);
}

if (role === "work") await work();
else if (role === "web") web();
else await main();
