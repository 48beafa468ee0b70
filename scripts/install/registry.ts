/** A registry of npm packages on loopback (verdaccio). It has what this test publishes, and asks no other registry. */
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { endSessions } from "../lib/process_tree.ts";
import { endOnInterrupt, must } from "../lib/run.ts";

/** Even a slow machine starts it in less. */
const START_LIMIT_MS = 60_000;
const POLL_MS = 100;

/** A port that no program listens on at this moment. */
function freePort(): Promise<number> {
	return new Promise((resolve, reject) => {
		const server = createServer();
		server.on("error", reject);
		server.listen(0, "127.0.0.1", () => {
			const address = server.address();
			const port = typeof address === "object" && address !== null ? address.port : 0;
			server.close(() => resolve(port));
		});
	});
}

async function answers(url: string): Promise<boolean> {
	try {
		return (await fetch(`${url}-/ping`)).ok;
	} catch {
		return false; // it does not listen yet
	}
}

export class Registry implements AsyncDisposable {
	readonly url: string;
	readonly #folder: string;
	readonly #pid: number;

	private constructor(url: string, folder: string, pid: number) {
		this.url = url;
		this.#folder = folder;
		this.#pid = pid;
	}

	/**
	 * @param verdaccio - The path of its program.
	 * @param node - The Node that runs it.
	 * @param folder - Where it keeps its packages.
	 */
	static async start(verdaccio: string, node: string, folder: string): Promise<Registry> {
		endOnInterrupt();
		mkdirSync(folder, { recursive: true });
		const config = {
			storage: join(folder, "storage"),
			auth: { htpasswd: { file: join(folder, "htpasswd"), max_users: -1 } },
			uplinks: {},
			packages: { "**": { access: "$all", publish: "$all" } },
			web: { enable: false },
			log: { type: "stdout", format: "pretty", level: "warn" },
		};
		// JSON is YAML.
		writeFileSync(join(folder, "config.yaml"), JSON.stringify(config));
		const port = await freePort();
		const url = `http://127.0.0.1:${port}/`;
		const child = spawn(node, [verdaccio, "--config", join(folder, "config.yaml"), "--listen", `127.0.0.1:${port}`], {
			cwd: folder,
			detached: true,
			stdio: ["ignore", "pipe", "pipe"],
		});
		let output = "";
		for (const stream of [child.stdout, child.stderr])
			stream.setEncoding("utf8").on("data", (text: string) => {
				output += text;
			});
		let ended: string | undefined;
		child.on("error", (error) => {
			ended = error.message;
		});
		child.on("exit", (status, signal) => {
			ended ??= `status ${status ?? signal}`;
		});
		const deadline = performance.now() + START_LIMIT_MS;
		while (!(await answers(url))) {
			if (ended !== undefined || performance.now() > deadline) {
				if (child.pid !== undefined) await endSessions(new Set([child.pid]));
				throw new Error(`verdaccio does not answer (${ended ?? "it runs"}):\n${output}`);
			}
			await new Promise((resolve) => setTimeout(resolve, POLL_MS));
		}
		return new Registry(url, folder, child.pid ?? 0);
	}

	/** Publishes a tarball, as `npm publish` does. */
	async publish(npm: readonly string[], tarball: string): Promise<void> {
		const rights = join(this.#folder, "npmrc");
		// Any token is accepted: npm only wants to have one.
		writeFileSync(rights, `registry=${this.url}\n${this.url.replace("http:", "")}:_authToken=test\n`);
		await must([...npm, "publish", tarball, "--userconfig", rights, "--no-provenance", "--access", "public"], {
			cwd: this.#folder,
		});
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await endSessions(new Set([this.#pid]));
	}
}
