import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { cleanUpPrefix } from "./cleanup.ts";
import { DIRECTORY, filesOf, isPrefixOf } from "./segment_files.ts";

/** What {@link Names} needs of the library that a test is about. */
export interface NamedLibrary {
	list(options?: { readonly prefix?: string }): readonly NamedThing[];
	clear(options?: { readonly prefix?: string }): readonly NamedThing[];
	readonly Route: ClearsByName;
	readonly Channel: ClearsByName;
	readonly Queue: ClearsByName;
	readonly Mutex: ClearsByName;
	readonly Condition: ClearsByName;
	readonly Semaphore: ClearsByName;
	readonly RwLock: ClearsByName;
	readonly SharedMemory: ClearsByName;
	readonly Signal: ClearsByName;
	readonly Latest: ClearsByName;
}

interface NamedThing {
	readonly kind: string;
	readonly prefix: string;
	readonly name: string;
	readonly endpoints: readonly unknown[];
}

interface ClearsByName {
	clear(name: string, options: { readonly prefix: string }): void;
}

/** Names for one test file. Their prefix is unique to this process. What is left of them is removed when the process ends. */
export class Names {
	readonly prefix: string;
	readonly #library: NamedLibrary;
	#count = 0;

	/**
	 * @param file a short name of the test file
	 * @param library the library whose names they are
	 */
	constructor(file: string, library: NamedLibrary) {
		this.prefix = `${file}${process.pid}`;
		this.#library = library;
		cleanUpPrefix(this.prefix);
	}

	next(): string {
		return `n${this.#count++}`;
	}

	/** The names that exist, also those of longer prefixes. */
	existing(): string[] {
		return this.#listed().map(({ name }) => name);
	}

	/** The files of these names. Only the native engine has files. */
	files(): string[] {
		return filesOf(this.prefix);
	}

	/** The path of a name's file. */
	path(kind: string, name: string, prefix: string = this.prefix): string {
		return `${DIRECTORY}/libipc.${kind}.${prefix.length}.${prefix}.${name}`;
	}

	/** Removes every name, also those that are still open. */
	clear(): void {
		const factories = factoriesOf(this.#library);
		for (const { kind, prefix, name } of this.#listed()) factories[kind]?.clear(name, { prefix });
	}

	/**
	 * For after each test: nothing may be left except what killed programs had open. Removes whatever there is, so that the
	 * next test begins without it.
	 */
	expectNothingLeft(): void {
		this.#library.clear({ prefix: this.prefix });
		const left = this.#listed().map(({ kind, name, endpoints }) => ({ kind, name, endpoints }));
		this.clear();
		const files = this.files();
		for (const file of files) rmSync(`${DIRECTORY}/${file}`, { force: true });
		assert.deepEqual({ left, files }, { left: [], files: [] });
	}

	#listed(): readonly NamedThing[] {
		return this.#library.list().filter(({ prefix }) => isPrefixOf(this.prefix, prefix));
	}
}

function factoriesOf(library: NamedLibrary): Readonly<Record<string, ClearsByName>> {
	return {
		route: library.Route,
		channel: library.Channel,
		queue: library.Queue,
		mutex: library.Mutex,
		condition: library.Condition,
		semaphore: library.Semaphore,
		rwlock: library.RwLock,
		memory: library.SharedMemory,
		signal: library.Signal,
		latest: library.Latest,
	};
}
