/**
 * Fuzzes the library: native/fuzz/*.c under libFuzzer with AddressSanitizer and UBSan, each target with its kept corpus and
 * with what earlier runs found (native/build/fuzz). A finding is kept in native/build/fuzz/findings.
 */
import { copyFileSync, existsSync, globSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename } from "node:path";
import { commandLine, oneOf, positiveNumber } from "./lib/command_line.ts";
import { root } from "./lib/repository.ts";
import { must, run } from "./lib/run.ts";
import { closingLine, type Sums } from "./lib/sums.ts";
import { commonFlags, findCompiler, link, object, type Step, Toolchain } from "./lib/toolchain.ts";

process.chdir(root);

const BUILD = "native/build/fuzz";
const FUZZ = "native/fuzz";
const TARGETS = ["join", "decode", "handles"] as const;
const SHARED = ["world", "damage", "calls"];

const INSTALL = `Fuzzing needs clang with libFuzzer, and "clang" does not build a fuzzer here. Install it:
  Debian, Ubuntu   apt-get install clang libclang-rt-dev (older: libclang-rt-14-dev, of clang's version)
  Fedora           dnf install clang compiler-rt
  Arch             pacman -S clang compiler-rt
  macOS            brew install llvm (Apple's clang has no libFuzzer), and set CLANG to its bin/clang
The kept inputs run without it: bun scripts/fuzz.ts --replay`;

const flags = [
	...commonFlags.filter((flag) => flag !== "-Wshadow" && flag !== "-Wconversion"),
	`-I${FUZZ}`,
	"-include",
	`${FUZZ}/small.h`,
	"-D_GNU_SOURCE",
	"-g",
	"-O2",
	"-fno-omit-frame-pointer",
	"-fsanitize=address,undefined",
	"-fno-sanitize-recover=all",
];

/**
 * Builds one program for each target. With the fuzzer, the library reports its loads, so that damage can strike between
 * two of them.
 */
async function build(compiler: string, directory: string, fuzzer: boolean): Promise<void> {
	const coverage = fuzzer ? ["-fsanitize=fuzzer-no-link"] : [];
	const traced = fuzzer ? ["-fsanitize-coverage=trace-loads"] : [];
	const compile = (source: string, extra: readonly string[]): Step =>
		object(source, `${directory}/${basename(source, ".c")}.o`, [...flags, ...coverage, ...extra]);
	const shared = [
		...globSync("native/src/*.c")
			.sort()
			.map((source) => compile(source, traced)),
		...(fuzzer ? SHARED : [...SHARED, "replay"]).map((name) => compile(`${FUZZ}/${name}.c`, [])),
	];
	const targets = TARGETS.map((target) => compile(`${FUZZ}/${target}.c`, []));
	const toolchain = new Toolchain(compiler);
	await toolchain.makeAll([...shared, ...targets]);
	const sanitizers = fuzzer ? "-fsanitize=address,undefined,fuzzer" : "-fsanitize=address,undefined";
	await toolchain.makeAll(
		targets.map((target, index) => link([...shared, target], `${directory}/${TARGETS[index]}`, [sanitizers])),
	);
}

async function buildFuzzers(): Promise<void> {
	const clang = process.env.CLANG ?? "clang";
	mkdirSync(BUILD, { recursive: true });
	const probe = ["-x", "c", "-fsanitize=fuzzer,address,undefined", `${FUZZ}/probe.c`, "-o", `${BUILD}/probe`];
	if ((await run([clang, ...probe])).status !== 0) throw new Error(INSTALL);
	await build(clang, BUILD, true);
}

const kept = (target: string): string[] =>
	[`${FUZZ}/corpus/${target}`, `${FUZZ}/regressions/${target}`].filter((directory) => existsSync(directory));

const count = (directory: string): number => (existsSync(directory) ? readdirSync(directory).length : 0);

/** What every target is run with. The library reserves up to 2 GiB for a message in fragments, and touches what arrives. */
const limits = ["-timeout=20", "-malloc_limit_mb=4096", "-rss_limit_mb=4096"];

async function fuzz(target: string, seconds: number): Promise<boolean> {
	const found = `${BUILD}/corpus/${target}`;
	const findings = `${BUILD}/findings/${target}`;
	for (const directory of [found, findings]) mkdirSync(directory, { recursive: true });
	const before = count(findings);
	const { status, output } = await run([
		`${BUILD}/${target}`,
		...limits,
		`-max_total_time=${Math.ceil(seconds)}`,
		`-max_len=${target === "join" ? 12_288 : 256}`,
		`-artifact_prefix=${findings}/`,
		"-print_final_stats=1",
		found,
		...kept(target),
	]);
	const executions = Number(output.match(/number_of_executed_units: (\d+)/)?.[1] ?? 0);
	const coverage = [...output.matchAll(/cov: (\d+)/g)].at(-1)?.[1] ?? "?";
	const text = `${executions} executions, ${Math.round(executions / seconds)}/s, coverage ${coverage}`;
	console.log(`${target}: ${text}, ${count(findings) - before} findings`);
	if (status === 0) return true;
	console.log(output.split("\n").slice(-60).join("\n"));
	return false;
}

async function replay(): Promise<Sums> {
	const directory = `${BUILD}/replay`;
	await build(findCompiler(), directory, false);
	const sums: Sums = { passed: 0, failed: 0 };
	for (const target of TARGETS) {
		const { status, output } = await run([`${directory}/${target}`, ...kept(target)]);
		sums.passed += Number(output.match(/^(\d+) inputs$/m)?.[1] ?? 0);
		if (status === 0) continue;
		sums.failed++;
		console.log(`FAILED ${target}\n${output.split("\n").slice(-60).join("\n")}`);
	}
	return sums;
}

/** Keeps the fewest inputs that cover what all inputs found so far cover. */
async function merge(target: string): Promise<void> {
	const corpus = `${FUZZ}/corpus/${target}`;
	const fresh = `${BUILD}/merged/${target}`;
	rmSync(fresh, { recursive: true, force: true });
	for (const directory of [corpus, fresh, `${BUILD}/corpus/${target}`]) mkdirSync(directory, { recursive: true });
	await must([
		`${BUILD}/${target}`,
		"-merge=1",
		"-use_value_profile=0",
		...limits,
		fresh,
		corpus,
		`${BUILD}/corpus/${target}`,
	]);
	rmSync(corpus, { recursive: true });
	mkdirSync(corpus);
	for (const file of readdirSync(fresh)) copyFileSync(`${fresh}/${file}`, `${corpus}/${file.slice(0, 16)}`);
	renameSync(fresh, `${fresh}.done`);
	rmSync(`${fresh}.done`, { recursive: true });
	console.log(`${target}: ${count(corpus)} inputs kept`);
}

const { flags: options } = commandLine({
	name: "bun run fuzz",
	flags: {
		seconds: { type: positiveNumber, placeholder: "<n>", description: "How long each target is fuzzed", default: 60 },
		target: { type: oneOf(...TARGETS), placeholder: "<name>", description: "Only one target" },
		replay: { type: Boolean, description: "Only runs the kept inputs, with any compiler", default: false },
		merge: { type: Boolean, description: "Moves new inputs that add coverage into the kept corpus", default: false },
	},
	help: { description: `Fuzzes the library; needs clang with libFuzzer. Targets: ${TARGETS.join(", ")}.` },
});

try {
	if (options.replay) {
		const sums = await replay();
		console.log(closingLine(sums));
		if (sums.failed > 0) process.exitCode = 1;
	} else {
		await buildFuzzers();
		const targets = options.target ? [options.target] : TARGETS;
		const sums: Sums = { passed: 0, failed: 0 };
		for (const target of targets)
			if (options.merge) await merge(target);
			else sums[(await fuzz(target, options.seconds)) ? "passed" : "failed"]++;
		if (!options.merge) console.log(closingLine(sums));
		if (sums.failed > 0) process.exitCode = 1;
	}
} catch (error) {
	console.error(error instanceof Error ? error.message : error);
	process.exitCode = 1;
}
