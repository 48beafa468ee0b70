/** The steps of `bun run test` and `bun run test:all`. */
import { run } from "./lib/run.ts";
import { findSpin, QUICK_MODELS } from "./spin.ts";

export interface Step {
	/** What `bun run test <id>` calls it. */
	readonly id: string;
	readonly title: string;
	/**
	 * Steps of one lane run one after the other. The lanes `a` and `b` run at the same time: `first` runs before them, and `last`,
	 * which needs a machine that is not busy, after them.
	 */
	readonly lane: "first" | "a" | "b" | "last";
	readonly command: readonly string[];
	readonly env?: Readonly<Record<string, string>>;
	/** What the step counts. A step that counts nothing is one test itself. */
	readonly counts: "closing line" | "bun test" | "nothing";
	/** Returns why the step cannot run on this machine; undefined if it can. */
	readonly missing?: () => string | undefined | Promise<string | undefined>;
	/** Lines of its output that are not printed when it fails. */
	readonly noise?: RegExp;
}

const bun = process.execPath;

/** What a test that has no limit itself may take: machines are slow at times, so it is not Bun's 5 s. */
const TEST_TIMEOUT_MS = "300000";

/** The volume of tests with many messages or rounds in a quick run: packages/testing/src/scale.ts. */
const QUICK_SCALE = "0.1";

/**
 * Two files at once: many tests wait for other processes most of the time. The files that took longest the last time begin
 * first.
 */
const packages = [
	...[bun, "test", "--timeout", TEST_TIMEOUT_MS, "--parallel=2", "--only-failures"],
	...["--timings=build/test/timings.json", "--update-timings"],
];

const PASSED = /^\S.*: \d+ passed, 0 failed,.* [\d.]+ s$/;

const tools: Step = {
	id: "tools",
	title: "tools that bun install does not bring",
	lane: "first",
	command: [bun, "scripts/install_tools.ts"],
	counts: "nothing",
};
const build: Step = {
	id: "build",
	title: "the C library",
	lane: "first",
	command: [bun, "scripts/build_native.ts"],
	counts: "nothing",
};
const check: Step = {
	id: "check",
	title: "format, lint, types, imports",
	lane: "first",
	command: [bun, "run", "--silent", "check"],
	counts: "nothing",
};
const inputs: Step = {
	id: "inputs",
	title: "kept inputs of the fuzzers",
	lane: "a",
	command: [bun, "scripts/fuzz.ts", "--replay"],
	counts: "closing line",
};
const scripts: Step = {
	id: "scripts",
	title: "tests of the test runner",
	lane: "b",
	command: [bun, "test", "--timeout", TEST_TIMEOUT_MS, "--only-failures", "./scripts/lib"],
	counts: "bun test",
};

/** A step of the faults. Its points and signals are Linux's. */
function faults(id: string, title: string, lane: Step["lane"], ...options: readonly string[]): Step {
	const step: Step = { id, title, lane, command: [bun, "scripts/faults.ts", ...options], counts: "closing line" };
	return process.platform === "linux" ? step : { ...step, missing: () => "it runs on Linux only" };
}

function chaos(lane: Step["lane"], seconds: number): Step {
	return {
		id: "chaos",
		title: `chaos, ${seconds} s`,
		lane,
		command: [bun, "chaos/chaos.ts", "--minutes", `${seconds / 60}`],
		counts: "nothing",
	};
}

/** What a contributor runs after each change: every kind of test, with less volume. At most 4 minutes on two processors. */
export const quickSteps: readonly Step[] = [
	tools,
	build,
	check,
	{
		id: "native",
		title: "C tests: plain, address and thread sanitizers, least volume",
		lane: "a",
		command: [bun, "scripts/test_native.ts", "--quick"],
		counts: "closing line",
		noise: PASSED,
	},
	inputs,
	faults("faults", "each point killed, 300 stops", "last", "--quick"),
	chaos("b", 8),
	{
		id: "conformance",
		title: "the suite: all cases in Bun between processes, a sample of the other instances",
		lane: "b",
		command: [bun, "scripts/conformance.ts", "--quick"],
		counts: "closing line",
		noise: PASSED,
	},
	{
		id: "packages",
		title: "tests of the packages, least volume",
		lane: "b",
		command: packages,
		counts: "bun test",
		env: { LIBIPC_TEST_SCALE: QUICK_SCALE },
	},
	scripts,
];

/** `scripts/fuzz.ts` builds the same to see whether it can run. */
async function missingFuzzer(): Promise<string | undefined> {
	const probe = ["-x", "c", "-fsanitize=fuzzer,address,undefined", "native/fuzz/probe.c", "-o", "build/test/probe"];
	const { status } = await run([process.env.CLANG ?? "clang", ...probe]);
	return status === 0 ? undefined : "clang with libFuzzer was not found: `bun run fuzz` says how to get it";
}

/** Everything. At most 25 minutes on two processors. */
export const allSteps: readonly Step[] = [
	tools,
	build,
	check,
	{
		id: "native",
		title: "C tests: plain, address and thread sanitizers",
		lane: "a",
		// The three variants run the same cases: more volume in one of them repeats what the others show.
		command: [bun, "scripts/test_native.ts", "--quick"],
		counts: "closing line",
		noise: PASSED,
	},
	inputs,
	chaos("a", 60),
	{
		id: "soak",
		title: "soak, 10 s",
		lane: "a",
		command: [bun, "soak/soak.ts", "--minutes", "0.17"],
		counts: "nothing",
	},
	{
		id: "harnesses",
		title: "the harnesses of GenMC, with threads",
		lane: "a",
		command: [bun, "scripts/model.ts", "--threads"],
		counts: "closing line",
	},
	{
		id: "models",
		title: "models, the quick ones",
		lane: "a",
		command: [bun, "scripts/model.ts", ...QUICK_MODELS],
		counts: "closing line",
		missing: () => (findSpin() ? undefined : "Spin was not found: `bun run model` says how to get it"),
	},
	{
		id: "fuzz",
		title: "fuzzing, 20 s for each target",
		lane: "a",
		command: [bun, "scripts/fuzz.ts", "--seconds", "20"],
		counts: "closing line",
		missing: missingFuzzer,
	},
	{
		id: "conformance",
		title: "the suite, all engines, runtimes and transports",
		lane: "b",
		command: [bun, "scripts/conformance.ts"],
		counts: "closing line",
		noise: PASSED,
	},
	{ id: "packages", title: "tests of the packages", lane: "a", command: packages, counts: "bun test" },
	{
		id: "install",
		title: "the package, installed by each package manager, in Bun, Node and Deno",
		lane: "a",
		command: [bun, "scripts/test_install.ts", "--quick"],
		counts: "closing line",
		noise: /^passed /,
	},
	scripts,
	faults("faults", "each point killed, 300 stops", "last", "--quick"),
	faults("kills", "killed before each store, in each role", "last", "--one-hit"),
];
