/** Two processes serve HTTP on one port, and two others do the work: `bun examples/guide/web-server-bun/main.ts`. */
import { scryptSync } from "node:crypto";
import { Service } from "libipc/service";

const [role = "main", prefix = `guide-${process.pid}`, port = "0"] = process.argv.slice(2);
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

async function web(): Promise<void> {
	using passwords = Service.connect<typeof handlers>("passwords", { prefix });
	const server = Bun.serve({
		hostname: "127.0.0.1",
		port: Number(port),
		reusePort: true, // The kernel shares the connections among the processes with this port.
		routes: {
			"/hash/:password": async ({ params, signal }) => {
				try {
					// A client that hangs up aborts the call.
					const hash = await passwords.$with({ timeout: 10_000, signal }).hash(params.password);
					return Response.json({ hash, servedBy: process.pid });
				} catch (error) {
					return new Response(String(error), { status: 503 });
				}
			},
		},
	});
	const stopped = new Promise((resolve) => process.once("SIGTERM", resolve));
	process.send?.(server.port);
	await stopped;
	await server.stop(); // Answers the requests that run.
}

function start(role: string, port = 0) {
	const ready = Promise.withResolvers<number>();
	const child = Bun.spawn([process.execPath, import.meta.filename, role, prefix, String(port)], {
		stdio: ["ignore", "inherit", "inherit"],
		ipc: (port: number) => ready.resolve(port),
	});
	return { child, ready: ready.promise };
}

async function main(): Promise<void> {
	const [worker, otherWorker, server] = [start("work"), start("work"), start("web")];
	const port = await server.ready;
	const otherServer = start("web", port);
	await otherServer.ready;

	const request = async (password: string) => {
		const response = await fetch(`http://127.0.0.1:${port}/hash/${password}`, { keepalive: false });
		const { hash, servedBy } = (await response.json()) as { hash: string; servedBy: number };
		return { right: hash === hashOf(password), servedBy };
	};
	const requests = Array.from({ length: REQUESTS }, (_, i) => request(`password${i}`));
	await Promise.race(requests);
	worker.child.kill("SIGKILL"); // In the middle of its work.
	const answers = await Promise.all(requests);
	console.log(`${REQUESTS} requests, one worker killed: all answers right: ${answers.every(({ right }) => right)}`);
	console.log(`both servers answered: ${new Set(answers.map(({ servedBy }) => servedBy)).size === 2}`);

	for (const { child } of [otherWorker, server, otherServer]) child.kill("SIGTERM");
	const children = [worker, otherWorker, server, otherServer].map(({ child }) => child);
	await Promise.all(children.map(({ exited }) => exited));
	console.log(`exits: ${children.map(({ signalCode, exitCode }) => signalCode ?? exitCode).join(", ")}`);
}

if (role === "work") await work();
else if (role === "web") await web();
else await main();
