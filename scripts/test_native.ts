/**
 * Builds and runs the C tests: every native/test/*_test.c with the library's sources, in three variants.
 * Objects are made again only when a source, the compiler or the flags changed.
 *
 *   bun scripts/test_native.ts [variant | program]...
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { commonFlags, findCompiler, linkFlags } from "./lib/toolchain.ts";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));

const BUILD = "native/build/test";
const TEST = "native/test";

interface Variant {
	readonly name: string;
	readonly flags: readonly string[];
}

/** The tests ask the C library for more than C11: processes and signals. */
const systemFlags = ["-D_GNU_SOURCE", "-D_DARWIN_C_SOURCE"];

/** TEST_SCALE: how many times the smallest useful amount of work the cases do. */
const variants: readonly Variant[] = [
	{ name: "plain", flags: ["-O2", "-DTEST_SCALE=4"] },
	{
		name: "address",
		flags: [
			"-O1",
			"-g",
			"-fno-omit-frame-pointer",
			"-fsanitize=address,undefined",
			"-fno-sanitize-recover=all",
			"-DTEST_SCALE=2",
		],
	},
	// -Wno-tsan: gcc warns that ThreadSanitizer does not know fences. It then sees fewer orderings than there are, so
	// it could only report too much; what the library orders by fences alone are atomics, which are never races.
	{ name: "thread", flags: ["-O1", "-g", "-fsanitize=thread", "-Wno-tsan", "-DTEST_SCALE=1"] },
];

/**
 * A report ends the process at once: a forked worker leaves by _exit(), past the point where ThreadSanitizer would
 * fail it. die_after_fork stays on (the default): the harness forks only while it has one thread, and if that were
 * ever not so, ThreadSanitizer's answers would be worth nothing.
 */
const environment = {
	...process.env,
	ASAN_OPTIONS: "detect_leaks=1:abort_on_error=0",
	UBSAN_OPTIONS: "print_stacktrace=1",
	TSAN_OPTIONS: "halt_on_error=1:die_after_fork=1",
};

interface Outcome {
	readonly status: number | null;
	readonly output: string;
	readonly pid: number | undefined;
}

function run(command: string, args: readonly string[]): Promise<Outcome> {
	return new Promise((resolve) => {
		const child = spawn(command, args, { env: environment, stdio: ["ignore", "pipe", "pipe"] });
		let output = "";
		const collect = (data: Buffer): void => {
			output += data.toString();
		};
		child.stdout.on("data", collect);
		child.stderr.on("data", collect);
		child.on("error", (error) => resolve({ status: null, output: `${output}${error.message}\n`, pid: child.pid }));
		child.on("close", (status) => resolve({ status, output, pid: child.pid }));
	});
}

/** Runs the jobs, as many at once as there are processors. */
async function inParallel<Job>(jobs: readonly Job[], work: (job: Job) => Promise<void>): Promise<void> {
	const left = jobs.values();
	const lane = async (): Promise<void> => {
		for (const job of left) await work(job);
	};
	await Promise.all(Array.from({ length: availableParallelism() }, lane));
}

interface Step {
	readonly output: string;
	readonly inputs: readonly string[];
	readonly args: readonly string[];
}

const headers = globSync("native/{include,src,test}/**/*.h").sort();

/** Runs a compiler step unless its output is there, made from the same inputs by the same compiler in the same way. */
async function make(compiler: string, version: string, { output, inputs, args }: Step): Promise<void> {
	const hash = createHash("sha256").update(JSON.stringify([compiler, version, args]));
	for (const file of inputs) hash.update(readFileSync(file));
	const wanted = hash.digest("hex");
	const stamp = `${output}.stamp`;
	if (existsSync(output) && existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
	rmSync(stamp, { force: true });
	const { status, output: text } = await run(compiler, [...args, "-o", output]);
	if (status !== 0) throw new Error(`${compiler} could not build ${output}:\n${text}`);
	if (text) process.stderr.write(text);
	writeFileSync(stamp, wanted);
}

function checkSanitizer(compiler: string, { name, flags }: Variant): void {
	const probe = `${BUILD}/${name}/probe`;
	writeFileSync(`${probe}.c`, "int main(void) { return 0; }\n");
	const { status, stderr } = spawnSync(compiler, [...flags, `${probe}.c`, "-o", probe, ...linkFlags], {
		encoding: "utf8",
	});
	if (status === 0) return;
	throw new Error(
		`${compiler} cannot build the "${name}" variant (${flags.filter((flag) => flag.startsWith("-fsanitize")).join(" ")}).\n` +
			`It probably lacks the sanitizer's runtime library: install it (gcc on Debian has it; Fedora: libasan libubsan\n` +
			`libtsan; Alpine and other musl systems: use clang with compiler-rt), or set CC to a compiler that has it.\n${stderr}`,
	);
}

/** Objects of one variant, then its programs. Interposed: what goes through native/test/interpose.c. */
function steps(variant: Variant, programs: readonly string[]): { objects: Step[]; links: Step[] } {
	const directory = `${BUILD}/${variant.name}`;
	const compile = (source: string, flags: readonly string[]): Step => ({
		output: `${directory}/${basename(source, ".c")}.o`,
		inputs: [source, ...headers],
		args: [...commonFlags, `-I${TEST}`, ...variant.flags, ...flags, "-c", source],
	});
	const library = globSync("native/src/*.c").sort();
	const platform = [...globSync("native/src/platform/*.c").sort(), `${TEST}/interpose.c`];
	const shared = [
		...library.map((source) => compile(source, ["-include", `${TEST}/rename.h`])),
		...platform.map((source) => compile(source, [])),
	];
	const tests = programs.map((source) => compile(source, systemFlags));
	const links = tests.map((test): Step => {
		const objects = [test, ...shared].map(({ output }) => output);
		return {
			output: test.output.replace(/\.o$/, ""),
			inputs: objects,
			args: [...variant.flags, ...objects, ...linkFlags],
		};
	});
	return { objects: [...shared, ...tests], links };
}

/** What a program that was itself killed could not remove. */
function sweep(pid: number | undefined): void {
	if (pid === undefined || !existsSync("/dev/shm")) return;
	const its = new RegExp(`^libipc\\..*\\.test${pid}(?!\\d)`);
	for (const entry of readdirSync("/dev/shm")) if (its.test(entry)) rmSync(`/dev/shm/${entry}`, { force: true });
}

interface Sums {
	passed: number;
	failed: number;
}

async function test(variant: Variant, program: string, sums: Sums): Promise<void> {
	const started = performance.now();
	const { status, output, pid } = await run(`${BUILD}/${variant.name}/${program}`, []);
	sweep(pid);
	const closing = output.match(/^(\d+) passed, (\d+) failed$/m);
	const passed = Number(closing?.[1] ?? 0);
	// A program that ends badly has failed, whatever it says.
	const failed = Math.max(Number(closing?.[2] ?? 0), status === 0 ? 0 : 1);
	sums.passed += passed;
	sums.failed += failed;
	const seconds = ((performance.now() - started) / 1000).toFixed(1);
	console.log(`${variant.name.padEnd(7)} ${program.padEnd(22)} ${passed} passed, ${failed} failed (${seconds} s)`);
	if (failed > 0)
		console.log(
			output
				.replace(/^\d+ passed, \d+ failed\n/m, "")
				.replace(/^(?=.)/gm, "    ")
				.trimEnd(),
		);
}

async function main(): Promise<boolean> {
	const chosen = process.argv.slice(2);
	const sources = globSync(`${TEST}/*_test.c`).sort();
	const names = new Set([...variants.map(({ name }) => name), ...sources.map((source) => basename(source, ".c"))]);
	const unknown = chosen.find((name) => !names.has(name));
	if (unknown) throw new Error(`There is no "${unknown}". Choose from: ${[...names].join(", ")}`);
	const pick = <Item>(items: readonly Item[], nameOf: (item: Item) => string): readonly Item[] => {
		const picked = items.filter((item) => chosen.includes(nameOf(item)));
		return picked.length > 0 ? picked : items;
	};
	const wantedVariants = pick(variants, ({ name }) => name);
	const wantedSources = pick(sources, (source) => basename(source, ".c"));

	const compiler = findCompiler();
	const version = spawnSync(compiler, ["--version"], { encoding: "utf8" }).stdout;
	for (const variant of wantedVariants) {
		mkdirSync(`${BUILD}/${variant.name}`, { recursive: true });
		checkSanitizer(compiler, variant);
	}
	const plans = wantedVariants.map((variant) => steps(variant, wantedSources));
	for (const phase of [plans.flatMap(({ objects }) => objects), plans.flatMap(({ links }) => links)])
		await inParallel(phase, (step) => make(compiler, version, step));

	// One program at a time: several of its processes work at once as it is, and some check how soon others react.
	const sums: Sums = { passed: 0, failed: 0 };
	for (const variant of wantedVariants)
		for (const source of wantedSources) await test(variant, basename(source, ".c"), sums);
	console.log(`${sums.passed} passed, ${sums.failed} failed`);
	return sums.failed === 0;
}

try {
	if (!(await main())) process.exitCode = 1;
} catch (error) {
	console.error(error instanceof Error ? error.message : error);
	process.exitCode = 1;
}
