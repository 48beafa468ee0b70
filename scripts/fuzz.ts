/**
 * Fuzzes the library: native/fuzz/*.c under libFuzzer with AddressSanitizer and UBSan, each target with both its kept
 * corpus and what earlier runs found (native/build/fuzz). A finding is kept in native/build/fuzz/findings.
 *
 *   bun run fuzz [--seconds N] [--target T]     for so long each; needs clang
 *   bun scripts/fuzz.ts --replay                only runs the kept inputs, with any compiler
 *   bun scripts/fuzz.ts --merge                 moves what is new and adds coverage into the kept corpus
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, globSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { commonFlags, findCompiler, linkFlags } from "./lib/toolchain.ts";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));

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

function run(command: string, args: readonly string[]): { status: number | null; output: string } {
	const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 1 << 28 });
	return { status, output: `${stdout ?? ""}${stderr ?? ""}${error ? error.message : ""}` };
}

function must(command: string, args: readonly string[]): void {
	const { status, output } = run(command, args);
	if (status !== 0) throw new Error(`${command} ${args.join(" ")}\n${output}`);
}

/** Builds one program for each target. Traced: the library tells the fuzzer of its loads, so that damage can come between two. */
function build(compiler: string, directory: string, fuzzer: boolean): void {
	mkdirSync(directory, { recursive: true });
	const coverage = fuzzer ? ["-fsanitize=fuzzer-no-link"] : [];
	const traced = fuzzer ? ["-fsanitize-coverage=trace-loads"] : [];
	const compile = (source: string, extra: readonly string[]): string => {
		const output = `${directory}/${basename(source, ".c")}.o`;
		must(compiler, [...flags, ...coverage, ...extra, "-c", source, "-o", output]);
		return output;
	};
	const library = globSync("native/src/*.c")
		.sort()
		.map((source) => compile(source, traced));
	const shared = (fuzzer ? SHARED : [...SHARED, "replay"]).map((name) => compile(`${FUZZ}/${name}.c`, []));
	for (const target of TARGETS)
		must(compiler, [
			fuzzer ? "-fsanitize=address,undefined,fuzzer" : "-fsanitize=address,undefined",
			...library,
			...shared,
			compile(`${FUZZ}/${target}.c`, []),
			"-o",
			`${directory}/${target}`,
			...linkFlags,
		]);
}

function buildFuzzers(): void {
	const clang = process.env.CLANG ?? "clang";
	mkdirSync(BUILD, { recursive: true });
	const probe = ["-x", "c", "-fsanitize=fuzzer,address,undefined", `${FUZZ}/probe.c`, "-o", `${BUILD}/probe`];
	if (run(clang, probe).status !== 0) throw new Error(INSTALL);
	build(clang, BUILD, true);
}

const kept = (target: string): string[] =>
	[`${FUZZ}/corpus/${target}`, `${FUZZ}/regressions/${target}`].filter((directory) => existsSync(directory));

const count = (directory: string): number => (existsSync(directory) ? readdirSync(directory).length : 0);

/** What every target is run with. The library asks for up to 2 GiB for a message in fragments, and touches what arrives. */
const limits = ["-timeout=20", "-malloc_limit_mb=4096", "-rss_limit_mb=4096"];

function fuzz(target: string, seconds: number): boolean {
	const found = `${BUILD}/corpus/${target}`;
	const findings = `${BUILD}/findings/${target}`;
	for (const directory of [found, findings]) mkdirSync(directory, { recursive: true });
	const before = count(findings);
	const { status, output } = run(`${BUILD}/${target}`, [
		...limits,
		`-max_total_time=${seconds}`,
		`-max_len=${target === "join" ? 12_288 : 256}`,
		`-artifact_prefix=${findings}/`,
		"-print_final_stats=1",
		found,
		...kept(target),
	]);
	const executions = Number(output.match(/number_of_executed_units: (\d+)/)?.[1] ?? 0);
	const coverage = [...output.matchAll(/cov: (\d+)/g)].at(-1)?.[1] ?? "?";
	const text = `${executions} executions, ${Math.round(executions / seconds)}/s, coverage ${coverage}`;
	console.log(`${target.padEnd(8)} ${text}, ${count(findings) - before} findings`);
	if (status === 0) return true;
	console.log(output.split("\n").slice(-60).join("\n"));
	return false;
}

function replay(): boolean {
	const directory = `${BUILD}/replay`;
	build(findCompiler(), directory, false);
	let passed = 0;
	let failed = 0;
	for (const target of TARGETS) {
		const { status, output } = run(`${directory}/${target}`, kept(target));
		const inputs = Number(output.match(/^(\d+) inputs$/m)?.[1] ?? 0);
		passed += inputs;
		if (status === 0) continue;
		failed++;
		console.log(`FAILED ${target}\n${output.split("\n").slice(-60).join("\n")}`);
	}
	console.log(`${passed} passed, ${failed} failed`);
	return failed === 0;
}

/** The fewest inputs that cover what all found so far do. */
function merge(target: string): void {
	const corpus = `${FUZZ}/corpus/${target}`;
	const fresh = `${BUILD}/merged/${target}`;
	rmSync(fresh, { recursive: true, force: true });
	for (const directory of [corpus, fresh, `${BUILD}/corpus/${target}`]) mkdirSync(directory, { recursive: true });
	must(`${BUILD}/${target}`, [
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
	console.log(`${target.padEnd(8)} ${count(corpus)} inputs kept`);
}

try {
	const { values } = parseArgs({
		options: {
			seconds: { type: "string", default: "60" },
			target: { type: "string" },
			replay: { type: "boolean" },
			merge: { type: "boolean" },
		},
	});
	const targets = TARGETS.filter((target) => !values.target || target === values.target);
	if (targets.length === 0) throw new Error(`There is no "${values.target}". Choose from: ${TARGETS.join(", ")}`);
	const seconds = Number(values.seconds);
	if (!(seconds > 0)) throw new Error("--seconds takes a number above 0");
	if (values.replay) {
		if (!replay()) process.exitCode = 1;
	} else {
		buildFuzzers();
		for (const target of targets)
			if (values.merge) merge(target);
			else if (!fuzz(target, seconds)) process.exitCode = 1;
	}
} catch (error) {
	console.error(error instanceof Error ? error.message : error);
	process.exitCode = 1;
}
