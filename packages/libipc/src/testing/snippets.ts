import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { list } from "libipc";

export const root = new URL("../../../../", import.meta.url);

export interface Result {
	readonly code: number | null;
	readonly output: string[];
	readonly errors: string;
}

/** The result of a program that prints these lines and exits. */
export const printed = (...output: string[]): Result => ({ code: 0, output, errors: "" });

/** The text of a file of the repository. */
export const textOf = (path: string): string => readFileSync(new URL(path, root), "utf8");

/** Programs that a test cuts out of pages or comments. Their folder is inside the repository, so that they find the packages by name. */
export class Snippets {
	readonly #folder: URL;
	readonly #prefix: string;
	readonly #started: ChildProcess[] = [];

	constructor(name: string) {
		this.#prefix = `${name}-${process.pid}`;
		this.#folder = new URL(`build/snippets-${this.#prefix}/`, root);
	}

	/** The snippet with names that only this process uses: other programs may use those of the snippet at the same time. */
	renamed(snippet: string): string {
		return snippet.includes('prefix: "shop"')
			? snippet.replaceAll('prefix: "shop"', `prefix: "${this.#prefix}"`)
			: snippet.replaceAll(
					/(\.(?:sender|senderAsync|receiver|receiversReady|waitForReceivers|open|clear|request)\(|deadLetter: |new BroadcastChannel\()"/g,
					`$1"${this.#prefix}-`,
				);
	}

	write(file: string, code: string): string {
		const path = new URL(file, this.#folder);
		mkdirSync(new URL(".", path), { recursive: true });
		writeFileSync(path, code);
		return fileURLToPath(path);
	}

	run(command: readonly string[]): Promise<Result> {
		const [program = "", ...args] = command;
		const child = spawn(program, args, {
			cwd: fileURLToPath(root),
			// Each process of Node would strip the types of the sources again.
			env: { ...process.env, NODE_COMPILE_CACHE: fileURLToPath(new URL("build/node-cache", root)) },
			stdio: ["ignore", "pipe", "pipe"],
		});
		this.#started.push(child);
		let output = "";
		let errors = "";
		child.stdout.on("data", (chunk: Buffer) => {
			output += chunk;
		});
		child.stderr.on("data", (chunk: Buffer) => {
			errors += chunk;
		});
		return new Promise((resolve, reject) => {
			child.on("error", reject);
			child.on("close", (code) => resolve({ code, output: output.split("\n").slice(0, -1), errors }));
		});
	}

	/** Checks the types of programs, each a module of its own, in one run of the compiler. */
	async checkTypes(programs: ReadonlyMap<string, string>): Promise<Result> {
		for (const [file, code] of programs) this.write(`types/${file}.ts`, code);
		const config = { extends: fileURLToPath(new URL("tsconfig.json", root)), include: ["*.ts"] };
		const project = this.write("types/tsconfig.json", JSON.stringify(config));
		const tsc = fileURLToPath(new URL("node_modules/typescript/bin/tsc", root));
		return this.run([process.execPath, tsc, "-p", project]);
	}

	/** The names that the programs have left in the system. */
	leftBehind() {
		return list().filter(({ prefix, name }) => prefix === this.#prefix || name.startsWith(`${this.#prefix}-`));
	}

	/** Ends the programs and removes what they have left. */
	clean(): void {
		for (const child of this.#started.splice(0)) child.kill("SIGKILL");
		for (const { path } of this.leftBehind()) rmSync(path, { force: true });
	}

	remove(): void {
		rmSync(this.#folder, { recursive: true, force: true });
	}
}
