/**
 * Runs the harnesses of native/model/genmc: under GenMC, in every execution that a memory model allows; or as programs,
 * with the threads of this machine, which shows that they compile, end, and hold in the executions that happen.
 *
 * The library's sources are compiled without a change. For a seeded fault (genmc_faults.ts) they are copied first.
 */
import { spawnSync } from "node:child_process";
import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { type Change, type Fault, faults } from "./genmc_faults.ts";
import { must, run } from "./lib/run.ts";
import { commonFlags, link, object, type Step, Toolchain } from "./lib/toolchain.ts";

const FOLDER = "native/model/genmc";
const SOURCES_FOLDER = "native/src";
const BUILD = "native/build/model";

/** What the harnesses call, and what that calls. The rest of the library is replaced by platform.c of the harnesses. */
const SOURCES = [
	...["assembly", "claim_lock", "condition", "event", "fragments", "handle", "latest", "latest_value", "loan"],
	...["marks", "mutex", "overrun", "paced_check", "queue", "queued_lock", "read_point", "receiver", "receiver_read"],
	...["receiver_lease", "receiver_recv"],
	...["record_count", "rwlock"],
	...[
		"semaphore",
		"sender",
		"sender_liveness",
		"sender_write",
		"signal",
		"slot_owner",
		"slots",
		"wait_history",
		"waits",
		"waker",
	],
] as const;

/** C11 as repaired by Lahav et al., which also finds data races; and a weaker model that covers what arm64 may do. */
const MEMORY_MODELS = ["rc11", "imm"] as const;
type MemoryModel = (typeof MEMORY_MODELS)[number];

const TIME_LIMIT_MS = 1_800_000;
/** A thousand rounds take a second or two. */
const THREADS_LIMIT_MS = 120_000;

const INSTALL = `GenMC was not found: tried $GENMC and genmc. Build it from https://github.com/MPI-SWS/genmc (0.10.3 with
clang and LLVM 16 is what it was tried with), and put it on PATH or set GENMC to its path.`;

export interface HarnessRun {
	readonly harness: string;
	readonly config: string;
	readonly definitions: readonly string[];
	readonly memoryModel: MemoryModel;
	readonly fault?: Fault;
}

export interface HarnessOutcome {
	readonly passed: boolean;
	readonly result: string;
	readonly output: string;
}

export const nameOf = ({ harness, config, memoryModel, fault }: HarnessRun): string =>
	`genmc/${harness} ${[config, memoryModel, fault?.name].filter(Boolean).join(" ")}`;

interface Config {
	readonly harness: string;
	readonly name: string;
	readonly definitions: readonly string[];
	readonly onlyThreads: boolean;
}

function configsOf(file: string): Config[] {
	const text = readFileSync(file, "utf8");
	return [...text.matchAll(/^ \* (config|threads) (\S+)((?: -D\S+)*)/gm)].map(([, word, name = "", flags = ""]) => ({
		harness: basename(file, ".c"),
		onlyThreads: word === "threads",
		name,
		definitions: flags.split(" ").filter(Boolean),
	}));
}

const configs = (): Config[] => globSync(`${FOLDER}/*.c`).sort().flatMap(configsOf);

/** The harnesses, also those that run with threads only. */
export const harnessNames = (): string[] => [...new Set(configs().map(({ harness }) => harness))];

/** Each configuration under each memory model, and each fault under the one that also finds data races. */
export function harnessRuns(): HarnessRun[] {
	const all = configs().filter(({ onlyThreads }) => !onlyThreads);
	const runs: HarnessRun[] = all.flatMap(({ harness, name, definitions }) =>
		MEMORY_MODELS.map((memoryModel) => ({ harness, config: name, definitions, memoryModel })),
	);
	for (const fault of faults) {
		const config = all.find(({ harness, name }) => harness === fault.harness && name === fault.config);
		if (!config) throw new Error(`${FOLDER}/${fault.harness}.c has no configuration "${fault.config}".`);
		// Without GenMC, too: a change of the library must not leave a fault behind that is not seeded any more.
		for (const change of fault.changes) changed(fault, change, SOURCES_FOLDER);
		const { harness, name, definitions } = config;
		runs.push({ harness, config: name, definitions, memoryModel: "rc11", fault });
	}
	return runs;
}

export interface Genmc {
	readonly genmc: string;
	readonly clang: string;
	readonly llvmLink: string;
	readonly opt: string;
}

const answerOf = (command: string): string | undefined => {
	const { status, stdout } = spawnSync(command, ["--version"], { encoding: "utf8" });
	return status === 0 ? stdout : undefined;
};

/** GenMC, and the tools of the LLVM that it was built with; or why there is none. */
export function findGenmc(): Genmc | string {
	const genmc = process.env.GENMC || "genmc";
	const answer = answerOf(genmc);
	if (answer === undefined) return process.env.GENMC ? `GENMC is set to "${genmc}", which does not run.` : INSTALL;
	const version = answer.match(/LLVM (\d+)/)?.[1] ?? "";
	const tool = (name: string): string | undefined =>
		[`${name}-${version}`, name].find((each) => answerOf(each)?.includes(`version ${version}.`));
	const [clang, llvmLink, opt] = ["clang", "llvm-link", "opt"].map(tool);
	if (clang === undefined || llvmLink === undefined || opt === undefined)
		return `GenMC needs clang, llvm-link and opt of LLVM ${version}. Debian, Ubuntu: apt-get install clang-${version} llvm-${version}`;
	return { genmc, clang, llvmLink, opt };
}

/** A source of the library, in `directory`, with one change of a fault. */
function changed(fault: Fault, { file, is, becomes }: Change, directory: string): string {
	const parts = readFileSync(join(directory, file), "utf8").split(is);
	if (parts.length === 2) return parts.join(becomes);
	throw new Error(
		`scripts/genmc_faults.ts: ${fault.harness} ${fault.name}: native/src/${file} has "${is}" ${parts.length - 1} times, not once.`,
	);
}

/** The library's sources with the fault, in `directory`. */
function seed(fault: Fault, directory: string): void {
	cpSync(SOURCES_FOLDER, directory, { recursive: true });
	for (const change of fault.changes) writeFileSync(join(directory, change.file), changed(fault, change, directory));
}

/**
 * Without inlining, GenMC 0.10 reports uses of freed memory where there are none; after instcombine there are intrinsics that it does
 * not know. Jump threading is what it does itself: here first, because that makes `freeze` instructions, which it does not know.
 */
const PASSES = "internalize,globaldce,function(sroa),cgscc(inline),globaldce,function(sroa,adce,jump-threading)";

/** No value here is undefined, so `freeze` changes nothing. */
const withoutFreeze = (text: string): string => text.replaceAll(/ = freeze i1 (\S+)/g, " = or i1 $1, false");

/** Compiles a run to one file of LLVM code. */
async function compile({ clang, llvmLink, opt }: Genmc, it: HarnessRun, directory: string): Promise<string> {
	const sources = it.fault ? join(directory, "changed") : SOURCES_FOLDER;
	if (it.fault) seed(it.fault, sources);
	const flags = [
		...["-std=gnu11", "-w", "-g", "-O1", "-Xclang", "-disable-llvm-passes", "-fno-discard-value-names"],
		...["-DGENMC", "-include", `${FOLDER}/stub.h`, "-Inative/include", `-I${sources}`, `-I${FOLDER}`],
		...it.definitions,
		...["-emit-llvm", "-c"],
	];
	const outputs: string[] = [];
	const emit = async (source: string, ...more: readonly string[]): Promise<void> => {
		const output = join(directory, `${outputs.length}.bc`);
		outputs.push(output);
		await must([clang, ...flags, ...more, source, "-o", output]);
	};
	await emit(`${FOLDER}/${it.harness}.c`);
	await emit(`${FOLDER}/platform.c`);
	// Its own would poll dozens of times before a sleep, with as many executions: that of platform.c is used.
	for (const name of SOURCES)
		await emit(`${sources}/${name}.c`, ...(name === "event" ? ["-Dipc_backoff_pause=unused_backoff_pause"] : []));
	const linked = join(directory, "linked.bc");
	const all = join(directory, "all.ll");
	await must([llvmLink, ...outputs, "-o", linked]);
	await must([opt, "-S", "-internalize-public-api-list=main", `-passes=${PASSES}`, linked, "-o", all]);
	writeFileSync(all, withoutFreeze(readFileSync(all, "utf8")));
	return all;
}

/** Runs one under GenMC. */
export async function checkByGenmc(tools: Genmc, it: HarnessRun): Promise<HarnessOutcome> {
	const directory = mkdtempSync(join(tmpdir(), "libipc-genmc-"));
	try {
		const file = await compile(tools, it, directory);
		const options = [`--${it.memoryModel}`, "--disable-estimation", "--input-from-bitcode-file"];
		if (!it.definitions.includes("-DIGNORES_LIVENESS")) options.push("--check-liveness");
		if (it.definitions.includes("-DINLINED")) options.push("--disable-function-inliner");
		const { status, output } = await run([tools.genmc, ...options, "--", file], { timeout: TIME_LIMIT_MS });
		const executions = output.match(/complete executions explored: (\d+)/)?.[1] ?? "?";
		const error = output.match(/^Error: (.*)$/m)?.[1];
		const isWhole = status === 0 && /No errors were detected/.test(output);
		if (it.fault && !it.fault.isHarmless) {
			if (error) return { passed: true, result: `found: ${error}`, output };
			return { passed: false, result: isWhole ? `NOT FOUND, ${executions} executions` : "NOT FINISHED", output };
		}
		if (error) return { passed: false, result: `FAILED: ${error}`, output };
		return { passed: isWhole, result: isWhole ? `holds; ${executions} executions` : "NOT FINISHED", output };
	} finally {
		rmSync(directory, { recursive: true, force: true });
	}
}

/** The harnesses as programs of this machine, one for each configuration. */
export class ThreadHarnesses {
	readonly #programs: { readonly name: string; readonly path: string }[] = [];

	get names(): readonly string[] {
		return this.#programs.map(({ name }) => name);
	}

	/** Compiles those whose harness is chosen. */
	async build(isChosen: (harness: string) => boolean): Promise<void> {
		const toolchain = new Toolchain();
		const flags = [...commonFlags, "-O2", "-D_GNU_SOURCE", `-I${FOLDER}`];
		mkdirSync(BUILD, { recursive: true });
		const library = SOURCES.map((name) => object(`native/src/${name}.c`, `${BUILD}/${name}.o`, flags));
		const objects: Step[] = [...library];
		const links: Step[] = [];
		for (const { harness, name, definitions } of configs().filter((config) => isChosen(config.harness))) {
			const path = `${BUILD}/${harness}.${name}`;
			const own = [harness, "platform"].map((source) =>
				object(`${FOLDER}/${source}.c`, `${path}.${source}.o`, [...flags, ...definitions]),
			);
			objects.push(...own);
			links.push(link([...own, ...library], path, []));
			this.#programs.push({ name: `${harness} ${name}`, path });
		}
		await toolchain.makeAll(objects);
		await toolchain.makeAll(links);
	}

	/** Runs them one after another: each has several threads. */
	async *run(): AsyncGenerator<HarnessOutcome & { readonly name: string; readonly seconds: number }> {
		for (const { name, path } of this.#programs) {
			const { status, output, milliseconds } = await run([path], { timeout: THREADS_LIMIT_MS });
			const passed = status === 0;
			yield { name, passed, result: passed ? "holds" : "FAILED", output, seconds: milliseconds / 1000 };
		}
	}
}
