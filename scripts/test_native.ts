/**
 * Builds and runs the C tests: every native/test/*_test.c with the library's sources, in three variants.
 *
 * `CC` may be a compiler for another target. `RUNNER` then starts what the kernel cannot start, for example
 * `RUNNER="qemu-aarch64-static -L /usr/aarch64-linux-gnu"`; the programs use it, too, where they run themselves again.
 */
import { spawnSync } from "node:child_process";
import { globSync, mkdirSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { commandLine } from "./lib/command_line.ts";
import { root } from "./lib/repository.ts";
import { run } from "./lib/run.ts";
import { closingLine, type Sums, sumsOf } from "./lib/sums.ts";
import { commonFlags, link, linkFlags, object, type Step, Toolchain } from "./lib/toolchain.ts";

process.chdir(root);

/** `BUILD` is for a run with another compiler, so that it does not replace the programs of this machine. */
const BUILD = process.env.BUILD ?? "native/build/test";
const TEST = "native/test";

interface Variant {
	readonly name: string;
	readonly flags: readonly string[];
	/** TEST_SCALE: how many times the smallest useful amount of work the cases do. */
	readonly scale: number;
}

/** The tests ask the C library for more than C11: processes and signals. */
const systemFlags = ["-D_GNU_SOURCE", "-D_DARWIN_C_SOURCE"];

const variants: readonly Variant[] = [
	{ name: "plain", flags: ["-O2"], scale: 2 },
	{
		name: "address",
		flags: ["-O1", "-g", "-fno-omit-frame-pointer", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
		scale: 1,
	},
	// -Wno-tsan: gcc warns that ThreadSanitizer does not know fences. It then sees fewer orderings than there are, so
	// it can only report too much. What the library orders by fences alone are atomics, which are never races.
	{ name: "thread", flags: ["-O1", "-g", "-fsanitize=thread", "-Wno-tsan"], scale: 1 },
];

/** `--quick` runs each variant at this scale. */
const QUICK_SCALE = 1;

/**
 * A report ends the process at once: a forked worker leaves by _exit(), after which ThreadSanitizer could not fail it.
 * die_after_fork stays on (the default): the harness forks only while it has one thread. If that were ever not so,
 * ThreadSanitizer's answers would be worth nothing.
 */
const env = {
	ASAN_OPTIONS: "detect_leaks=1:abort_on_error=0",
	UBSAN_OPTIONS: "print_stacktrace=1",
	TSAN_OPTIONS: "halt_on_error=1:die_after_fork=1",
};

const runner = (process.env.RUNNER ?? "").split(" ").filter(Boolean);

const sources = globSync(`${TEST}/*_test.c`).sort();
const nameOf = (source: string): string => basename(source, ".c");

function checkSanitizer({ compiler }: Toolchain, { name, flags }: Variant): void {
	const probe = `${BUILD}/${name}/probe`;
	mkdirSync(`${BUILD}/${name}`, { recursive: true });
	writeFileSync(`${probe}.c`, "int main(void) { return 0; }\n");
	const { status, stderr } = spawnSync(compiler, [...flags, `${probe}.c`, "-o", probe, ...linkFlags], {
		encoding: "utf8",
	});
	if (status === 0) return;
	throw new Error(
		`${compiler} cannot build the "${name}" variant (${flags.filter((flag) => flag.startsWith("-fsanitize")).join(" ")}).\n` +
			`It probably lacks the sanitizer's runtime library. Install it (gcc on Debian has it; Fedora: libasan libubsan\n` +
			`libtsan; Alpine and other musl systems: use clang with compiler-rt), or set CC to a compiler that has it.\n${stderr}`,
	);
}

/** Where the programs of a variant are. Those of another scale do not replace them. */
const directoryOf = ({ name, scale }: Variant): string =>
	variants.some((each) => each.name === name && each.scale === scale)
		? `${BUILD}/${name}`
		: `${BUILD}/${name}/scale${scale}`;

/** Objects of one variant, then its programs. The library's calls of the system go through native/test/interpose.c. */
function stepsOf(variant: Variant, programs: readonly string[]): { objects: Step[]; links: Step[] } {
	const compile = (source: string, directory: string, flags: readonly string[]): Step =>
		object(source, `${directory}/${nameOf(source)}.o`, [...commonFlags, `-I${TEST}`, ...variant.flags, ...flags]);
	const shared = [
		...globSync("native/src/*.c")
			.sort()
			.map((source) => compile(source, `${BUILD}/${variant.name}`, ["-include", `${TEST}/rename.h`])),
		...[...globSync("native/src/platform/*.c").sort(), `${TEST}/interpose.c`].map((source) =>
			compile(source, `${BUILD}/${variant.name}`, []),
		),
	];
	const directory = directoryOf(variant);
	const tests = programs.map((source) => compile(source, directory, [...systemFlags, `-DTEST_SCALE=${variant.scale}`]));
	const links = tests.map((test, index) =>
		link([test, ...shared], `${directory}/${nameOf(programs[index] ?? "")}`, variant.flags),
	);
	return { objects: [...shared, ...tests], links };
}

/** The cases that could not run on this machine, and why. */
const skipped = new Set<string>();

async function test(variant: Variant, program: string, sums: Sums): Promise<void> {
	const { status, output, milliseconds } = await run([...runner, `${directoryOf(variant)}/${program}`], { env });
	const counted = sumsOf(output);
	const passed = counted?.passed ?? 0;
	// A program that ends badly has failed, whatever it says.
	const failed = Math.max(counted?.failed ?? 0, status === 0 && counted ? 0 : 1);
	sums.passed += passed;
	sums.failed += failed;
	const seconds = (milliseconds / 1000).toFixed(1);
	console.log(`${variant.name} ${program}: ${passed} passed, ${failed} failed, ${seconds} s`);
	for (const [, reason] of output.matchAll(/^skipped: (.*)$/gm)) skipped.add(`${program} ${reason}`);
	if (failed > 0)
		console.log(
			output
				.replace(/^\d+ passed, \d+ failed\n/m, "")
				.replace(/^(?=.)/gm, "    ")
				.trimEnd(),
		);
}

async function main(): Promise<boolean> {
	const { flags, _ } = commandLine({
		name: "bun scripts/test_native.ts",
		parameters: ["[names...]"],
		flags: {
			quick: { type: Boolean, description: "The smallest useful amount of work in each case", default: false },
		},
		help: {
			description:
				"Builds and runs the C tests: plain, with AddressSanitizer and UBSan (address), with ThreadSanitizer (thread). Names choose variants and programs.",
			examples: ["bun scripts/test_native.ts plain queue_test", "bun scripts/test_native.ts --quick thread"],
		},
	});
	const chosen = _.names;
	const names = new Set([...variants.map(({ name }) => name), ...sources.map(nameOf)]);
	const unknown = chosen.find((name) => !names.has(name));
	if (unknown) throw new Error(`There is no "${unknown}". Choose from: ${[...names].join(", ")}`);
	const pick = <Item>(items: readonly Item[], name: (item: Item) => string): readonly Item[] => {
		const picked = items.filter((item) => chosen.includes(name(item)));
		return picked.length > 0 ? picked : items;
	};
	const wantedVariants = pick(variants, ({ name }) => name).map((variant) => ({
		...variant,
		scale: flags.quick ? QUICK_SCALE : variant.scale,
	}));
	const wantedSources = pick(sources, nameOf);

	const toolchain = new Toolchain();
	for (const variant of wantedVariants) checkSanitizer(toolchain, variant);
	const plans = wantedVariants.map((variant) => stepsOf(variant, wantedSources));
	await toolchain.makeAll(plans.flatMap(({ objects }) => objects));
	await toolchain.makeAll(plans.flatMap(({ links }) => links));

	// One program at a time: each starts several processes, and some check how soon others react.
	const sums: Sums = { passed: 0, failed: 0 };
	for (const variant of wantedVariants) for (const source of wantedSources) await test(variant, nameOf(source), sums);
	for (const each of skipped) console.log(`did not run, and is not counted: ${each}`);
	console.log(closingLine(sums));
	return sums.failed === 0;
}

try {
	if (!(await main())) process.exitCode = 1;
} catch (error) {
	console.error(error instanceof Error ? error.message : error);
	process.exitCode = 1;
}
