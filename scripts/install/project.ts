/** A project of a user: a folder outside of the repository, on a machine without a compiler. */
import {
	chmodSync,
	cpSync,
	lstatSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	renameSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { must, type Outcome, type RunOptions, run } from "../lib/run.ts";

/** No command of this test takes this long, not even on a slow machine. */
const TIMEOUT_MS = 180_000;

let temporary: string | undefined;
let count = 0;

/** The folder of all projects of this run. It is removed when this process ends, also after an interruption. */
export function temporaryFolder(): string {
	if (temporary !== undefined) return temporary;
	const folder = mkdtempSync(join(tmpdir(), "new-project-"));
	temporary = folder;
	// Another user has to read what is in it.
	chmodSync(folder, 0o755);
	process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
	return folder;
}

function bytesIn(path: string): number {
	const entry = lstatSync(path, { throwIfNoEntry: false });
	if (entry === undefined) return 0;
	if (!entry.isDirectory()) return entry.size;
	return readdirSync(path).reduce((sum, name) => sum + bytesIn(join(path, name)), 0);
}

export interface ProjectOptions {
	/** The programs in the PATH: their names and their paths. There is nothing else in it: no compiler, no make, no Python. */
	readonly programs?: Readonly<Record<string, string>>;
	/** The registry that all package managers use. */
	readonly registry?: string;
}

export class Project {
	readonly folder: string;
	readonly registry: string;
	readonly #env: Record<string, string | undefined>;

	constructor(name: string, { programs = {}, registry = "" }: ProjectOptions = {}) {
		this.registry = registry;
		const base = join(temporaryFolder(), `${count++}-${name.replaceAll(/[^a-z0-9.]+/gi, "-")}`);
		this.folder = join(base, "project");
		for (const folder of ["project", "home", "bin"]) mkdirSync(join(base, folder), { recursive: true });
		// A program of a package may start with `#!/usr/bin/env node`, and npm runs some programs with sh.
		for (const [program, path] of Object.entries({ sh: "/bin/sh", ...programs }))
			symlinkSync(path, join(base, "bin", program));
		const caches = ["npm_config_cache", "BUN_INSTALL_CACHE_DIR", "YARN_CACHE_FOLDER", "DENO_DIR", "XDG_CACHE_HOME"];
		this.#env = {
			...Object.fromEntries(Object.keys(process.env).map((variable) => [variable, undefined])),
			...Object.fromEntries(caches.map((variable) => [variable, join(base, "home", variable)])),
			PATH: join(base, "bin"),
			HOME: join(base, "home"),
			XDG_DATA_HOME: join(base, "home/data"),
			LANG: "C.UTF-8",
			CI: "true",
			NO_COLOR: "1",
		};
		if (registry !== "") this.write(".npmrc", `registry=${registry}\n`);
	}

	path(file: string): string {
		return join(this.folder, file);
	}

	write(file: string, text: string | object): void {
		mkdirSync(dirname(this.path(file)), { recursive: true });
		writeFileSync(this.path(file), typeof text === "string" ? text : `${JSON.stringify(text, undefined, "\t")}\n`);
	}

	remove(path: string): void {
		rmSync(this.path(path), { recursive: true, force: true });
	}

	/** Copies a program of this test into the project. */
	add(program: string): void {
		cpSync(fileURLToPath(new URL(`programs/${program}`, import.meta.url)), this.path(program));
	}

	/** Moves the folder away until the end of the block: what was made in it has to run without it. */
	hidden(): Disposable {
		const elsewhere = `${this.folder}.hidden`;
		renameSync(this.folder, elsewhere);
		return { [Symbol.dispose]: () => renameSync(elsewhere, this.folder) };
	}

	/** Runs a command in the folder of the project. */
	run(command: readonly string[], options: Pick<RunOptions, "signal"> = {}): Promise<Outcome> {
		return run(command, { cwd: this.folder, env: this.#env, timeout: TIMEOUT_MS, ...options });
	}

	/** Runs a command that must succeed, and returns its output. */
	must(command: readonly string[]): Promise<string> {
		return must(command, { cwd: this.folder, env: this.#env, timeout: TIMEOUT_MS });
	}

	/** The bytes of a file or folder of the project. */
	bytes(path: string): number {
		return bytesIn(this.path(path));
	}
}
