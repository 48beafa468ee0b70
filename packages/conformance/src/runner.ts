/**
 * What registers and runs a case: node:test, which Bun runs too. In Deno, which counts the groups of node:test and not their cases,
 * its own `Deno.test`.
 */
import * as nodeTest from "node:test";

/** Why a case does not run; or after how many milliseconds it has failed. */
type Options = { readonly skip: string } | { readonly timeout: number };

interface Runner {
	readonly after: (hook: () => unknown) => void;
	readonly afterEach: (hook: () => unknown) => void;
	/** Calls `body`, which registers cases and groups, before the next group begins, or later. */
	readonly group: (name: string, body: () => void) => void;
	/** `title` is the name with those of the groups around it. */
	readonly single: (name: string, title: string, options: Options, body: () => Promise<void>) => void;
}

/** The part of `Deno` that is used here. */
interface DenoGlobal {
	readonly test: {
		(definition: {
			name: string;
			ignore: boolean;
			sanitizeOps: boolean;
			sanitizeResources: boolean;
			sanitizeExit: boolean;
			fn(): Promise<void>;
		}): void;
		afterAll(hook: () => unknown): void;
		afterEach(hook: () => unknown): void;
	};
}

async function within(milliseconds: number, body: () => Promise<void>): Promise<void> {
	let timer: ReturnType<typeof setTimeout> | undefined;
	const late = new Promise<never>((_, reject) => {
		timer = setTimeout(() => reject(new Error(`not over after ${milliseconds} ms`)), milliseconds);
	});
	try {
		await Promise.race([body(), late]);
	} finally {
		clearTimeout(timer);
	}
}

const denoRunner = ({ test }: DenoGlobal): Runner => ({
	after: (hook) => test.afterAll(hook),
	afterEach: (hook) => test.afterEach(hook),
	group: (_, body) => body(),
	single: (_, title, options, body) =>
		test({
			name: title,
			ignore: "skip" in options,
			// What the library keeps open between cases is what the suite is about, and it checks that itself.
			sanitizeOps: false,
			sanitizeResources: false,
			sanitizeExit: false,
			fn: () => ("timeout" in options ? within(options.timeout, body) : body()),
		}),
});

const nodeRunner: Runner = {
	after: nodeTest.after,
	afterEach: nodeTest.afterEach,
	group: nodeTest.describe,
	single: (name, _, options, body) => nodeTest.test(name, options, body),
};

const { Deno } = globalThis as { readonly Deno?: DenoGlobal };

export const { after, afterEach, group, single }: Runner = Deno ? denoRunner(Deno) : nodeRunner;
