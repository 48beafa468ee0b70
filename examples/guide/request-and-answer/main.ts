/** Three servers share the calls of a client, and two of them crash: `bun examples/guide/request-and-answer/main.ts`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { IpcError } from "libipc";
import { Service, type ServiceServer } from "libipc/service";

const [role = "client", prefix = `guide-${process.pid}`] = process.argv.slice(2);

const PRICES = new Map([
	["BUN", 42.25],
	["NODE", 17.5],
]);

/** As a defect in native code, or the kernel when memory is short. */
const crash = (): void => void process.kill(process.pid, "SIGKILL");

const handlers = {
	quote(symbol: string) {
		const price = PRICES.get(symbol);
		if (price === undefined) throw Object.assign(new Error(`there is no ${symbol}`), { code: "NO_SYMBOL" });
		return { symbol, price };
	},
	/** May run twice: it changes nothing. */
	report: Service.withContext(({ attempt }, symbol: string) => {
		if (attempt === 1) crash();
		return `${symbol} in attempt ${attempt}`;
	}),
	/** Must not run twice. */
	buy: (_symbol: string) => crash(),
	/** Ends when the client no longer waits for the answer. */
	search: Service.withContext(async ({ signal }, _text: string) => {
		await sleep(60_000, undefined, { signal });
	}),
	/** How many calls run in this server, this one included. */
	running: () => server?.running,
};
let server: ServiceServer | undefined;

async function serve(): Promise<void> {
	server = Service.serve("prices", handlers, { prefix, methods: { report: { idempotent: true } } });
	// Finishes the calls that run, and takes no further calls.
	process.once("SIGTERM", () => server?.shutdown());
	await server.ended;
}

/** The code of the error that a call rejects with. */
async function codeOf(call: Promise<unknown>): Promise<string> {
	const error = await call.then(
		() => new Error("it was answered"),
		(error) => error,
	);
	return error instanceof IpcError ? error.code : `${error.code ?? error.name}: ${error.message}`;
}

async function call(): Promise<void> {
	const children = Array.from({ length: 3 }, () => {
		const program = [...process.execArgv, import.meta.filename, "server", prefix];
		const child = spawn(process.execPath, program, { stdio: "inherit" });
		return { child, ended: once(child, "exit") };
	});
	// The first call would wait for the first server; what follows needs all three.
	using prices = Service.connect<typeof handlers>("prices", { prefix, timeout: 30_000 });
	while (prices.$servers < children.length) await sleep(10);

	console.log(`quote: ${JSON.stringify(await prices.quote("BUN"))}`);
	const quotes = await Promise.all(Array.from({ length: 1000 }, () => prices.quote("NODE")));
	console.log(`1000 calls at once: ${quotes.every(({ price }) => price === 17.5)}`);
	console.log(`an error of the handler: ${await codeOf(prices.quote("COBOL"))}`);
	console.log(`its server crashes, and another one answers: ${await prices.report("BUN")}`);
	console.log(`its server crashes, and it must not run twice: ${await codeOf(prices.buy("BUN"))}`);
	console.log(`a deadline: ${await codeOf(prices.$with({ timeout: 50 }).search("bread"))}`);
	const leaving = new AbortController();
	const search = prices.$with({ signal: leaving.signal }).search("cake");
	leaving.abort(new Error("I have changed my mind"));
	console.log(`an abort: ${await codeOf(search)}`);
	while ((await prices.running()) !== 1) await sleep(10);
	console.log("no search runs any more");

	for (const { child } of children) child.kill("SIGTERM");
	const exits = await Promise.all(children.map(({ ended }) => ended));
	console.log(
		`exits: ${exits
			.map(([code, signal]) => String(signal ?? code))
			.sort()
			.join(", ")}`,
	);
	using impatient = Service.connect<typeof handlers>("prices", { prefix, waitForServer: false });
	console.log(`no server: ${await codeOf(impatient.quote("BUN"))}`);
}

if (role === "server") await serve();
else await call();
