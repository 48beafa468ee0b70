import { expect, test } from "bun:test";
import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const native = fileURLToPath(new URL("../../../native/src", import.meta.url));
const packages = fileURLToPath(new URL("../..", import.meta.url));

/** The lines of a file that are no comments. */
const codeOf = (path: string): string =>
	readFileSync(path, "utf8")
		.replace(/\/\*[\s\S]*?\*\//g, "")
		.replace(/\/\/.*/g, "");

test("no wall clock is asked, in C or in TypeScript: setting it changes nothing", () => {
	const c = globSync(`${native}/**/*.{c,h}`);
	expect(c.length).toBeGreaterThan(20);
	for (const path of c)
		expect([
			path,
			codeOf(path).match(/CLOCK_REALTIME|gettimeofday|\btime\s*\(\s*(NULL|&|0)|FUTEX_CLOCK_REALTIME/),
		]).toEqual([path, null]);
	const ts = globSync(`${packages}/{core,protocol}/src/**/*.ts`).filter(
		(path) => !/\.test\.ts$|\/testing\//.test(path),
	);
	expect(ts.length).toBeGreaterThan(20);
	for (const path of ts) expect([path, codeOf(path).match(/Date\.now|new Date(?!\([^)])/)]).toEqual([path, null]);
});

test("no descriptors: a clear error, and all is well afterwards", () => {
	const program = `
		import { Channel, list } from ${JSON.stringify(import.meta.resolve("./index.ts"))};
		import { openSync, closeSync } from "node:fs";
		const options = { prefix: "files" + process.pid };
		Channel.receiver("first", options).close();
		const files = [];
		try { for (;;) files.push(openSync("/dev/null")) } catch {}
		const codes = [];
		for (const call of [() => Channel.receiver("x", options), () => Channel.sender("x", options), () => list()])
			try { call() } catch (error) { codes.push(error.code + (error.message.includes("EMFILE") ? " EMFILE" : "")) }
		files.forEach((fd) => closeSync(fd));
		using receiver = Channel.receiver("x", options);
		using sender = Channel.sender("x", options);
		sender.send("works");
		console.log(JSON.stringify([...codes, new TextDecoder().decode(receiver.recv({ timeout: 0 }))]));`;
	const { stdout, stderr } = Bun.spawnSync(["sh", "-c", 'ulimit -n 64; exec "$0" -e "$1"', process.execPath, program]);
	expect(stderr.toString()).toBe("");
	expect(JSON.parse(stdout.toString())).toEqual([
		"ERR_IPC_SYSTEM EMFILE",
		"ERR_IPC_SYSTEM EMFILE",
		"ERR_IPC_SYSTEM EMFILE",
		"works",
	]);
});
