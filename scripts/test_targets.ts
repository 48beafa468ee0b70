/**
 * Runs the tests for other targets than this machine: arm64 under qemu-user, and musl. Prints a table of what ran, what
 * passed and failed, and what did not run, with the reason.
 *
 * It needs packages of Debian and programs from npm, so it is not a part of `bun run test`. What qemu-user and musl on a
 * glibc system prove, and what they do not, is in docs/verification.md.
 */
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { commandLine } from "./lib/command_line.ts";
import {
	arm64Bun,
	BUN_VERSION,
	missingMusl,
	missingQemu,
	muslBun,
	QEMU,
	TARGETS_FOLDER,
} from "./lib/foreign_runtimes.ts";
import { root } from "./lib/repository.ts";
import { must, run } from "./lib/run.ts";
import { closingLine, type Sums, sumsOf } from "./lib/sums.ts";
import { table } from "./lib/table.ts";
import { findZig } from "./lib/zig.ts";

process.chdir(root);

/** The library and the C tests of each target. */
const NATIVE = "native/build/targets";

interface Result extends Sums {
	/** What did not run, and why. */
	readonly notRun: readonly string[];
}

interface Check {
	readonly target: string;
	readonly what: string;
	/** Why it cannot run on this machine; undefined if it can. */
	readonly missing: () => string | undefined;
	readonly run: () => Promise<Result>;
}

const missingZig = (): string | undefined => {
	const missing = missingQemu();
	if (missing !== undefined) return missing;
	try {
		findZig();
		return undefined;
	} catch (error) {
		return error instanceof Error ? error.message : String(error);
	}
};

const never = (reason: string) => (): string => reason;
const nothing = async (): Promise<Result> => ({ passed: 0, failed: 0, notRun: [] });

/** A program that is a command with arguments, where only the name of a program can be given. */
function script(name: string, command: string): string {
	const path = resolve(TARGETS_FOLDER, name);
	writeFileSync(path, `#!/bin/sh\nexec ${command} "$@"\n`);
	chmodSync(path, 0o755);
	return path;
}

/** Debian has the headers of the kernel beside those of glibc, where musl-gcc does not look. */
const muslCompiler = (): string =>
	script(
		"musl-cc",
		`musl-gcc -idirafter /usr/include -idirafter /usr/include/${process.arch === "x64" ? "x86_64" : "aarch64"}-linux-gnu`,
	);

/** Runs a command of this repository, and shows its progress. */
async function command(name: string, args: readonly string[], env: Readonly<Record<string, string | undefined>>) {
	const { output } = await run([process.execPath, ...args], {
		env,
		onLine: (line) => {
			if (/^\S.*: \d+ passed, /.test(line)) console.log(`  ${line}`);
		},
	});
	writeFileSync(`${TARGETS_FOLDER}/${name}.log`, output);
	return output;
}

async function cTests(name: string, env: Readonly<Record<string, string>>): Promise<Result> {
	const output = await command(`${name}-c`, ["scripts/test_native.ts", "plain"], {
		...env,
		BUILD: `${NATIVE}/${name}/test`,
	});
	const sums = sumsOf(output);
	const notRun = [...output.matchAll(/^did not run, and is not counted: (.*)$/gm)].map(([, reason = ""]) => reason);
	if (!sums) {
		console.log(output);
		return { passed: 0, failed: 1, notRun };
	}
	for (const [, text = ""] of output.matchAll(/^ *(FAILED .*)$/gm)) console.log(`  ${text}`);
	return { ...sums, notRun };
}

/**
 * The files of the suite that end under qemu-user, also on a busy machine. A runtime takes ten times as long there, so files with many
 * processes, with kills at random moments or with short limits do not end in time.
 */
const UNDER_QEMU: readonly string[] = ["loans", "messages", "mutex"];

/** The suite, in a runtime for the target. */
async function conformance(
	name: string,
	instance: string,
	env: Readonly<Record<string, string | undefined>>,
	only?: readonly string[],
): Promise<Result> {
	const all = readdirSync("packages/conformance/src")
		.filter((file) => file.endsWith(".conformance.ts"))
		.map((file) => file.slice(0, -".conformance.ts".length));
	const files = only ?? all;
	const left = all.length - files.length;
	const output = await command(name, ["scripts/conformance.ts", instance, "--files", files.join(",")], {
		LIBIPC_TEST_SCALE: "0.1",
		...env,
	});
	const sums = sumsOf(output);
	if (!sums || sums.failed > 0) console.log(output);
	const skipped = [...output.matchAll(/^skipped: (.*)\n.*: (\d+)$/gm)].map(
		([, why, count]) => `${count} cases: ${why}`,
	);
	return {
		passed: sums?.passed ?? 0,
		failed: sums?.failed ?? 1,
		notRun: [...(left > 0 ? [`${left} files: they do not end in time under an emulator`] : []), ...skipped],
	};
}

/** Builds the library for a target. Returns what makes a program load it. */
async function library(name: string, compiler: string): Promise<Record<string, string>> {
	await must([process.execPath, "scripts/build_native.ts"], { env: { CC: compiler, BUILD: `${NATIVE}/${name}` } });
	return { LIBIPC_LIBRARY: resolve(NATIVE, name, "libipc.so") };
}

const arm64Library = () => library("linux-arm64", "aarch64-linux-gnu-gcc");
/** Test programs run in another runtime than the tests: every second one. */
function programsIn(prefix: readonly string[], env: Readonly<Record<string, string>>): Record<string, string> {
	const from = `${root}packages/conformance/src`;
	const command = ["env", ...Object.entries(env).map(([name, value]) => `${name}=${value}`), ...prefix];
	return { LIBIPC_PROGRAMS: JSON.stringify({ command, from, to: from, extension: ".ts" }) };
}

/** Bun for musl with a library for musl. */
async function muslBunWithLibrary(): Promise<{ readonly bun: string; readonly env: Record<string, string> }> {
	const { bun, env } = await muslBun();
	return { bun, env: { ...(await library("linux-x64-musl", muslCompiler())), ...env } };
}

const checks: readonly Check[] = [
	{
		target: "linux-arm64",
		what: "C suite, under qemu-user",
		missing: missingQemu,
		run: () => cTests("linux-arm64", { CC: "aarch64-linux-gnu-gcc", RUNNER: QEMU.join(" ") }),
	},
	{
		target: "linux-arm64",
		what: `the suite in Bun ${BUN_VERSION} for arm64, under qemu-user`,
		missing: missingQemu,
		run: async () =>
			conformance(
				"linux-arm64-bun",
				"bun-native-processes",
				{ ...(await arm64Library()), RUNNER: QEMU.join(" "), LIBIPC_BUN: await arm64Bun() },
				UNDER_QEMU,
			),
	},
	{
		target: "linux-arm64",
		what: "the suite in Bun for x64, every second program in Bun for arm64",
		missing: missingQemu,
		run: async () =>
			conformance(
				"linux-arm64-with-x64",
				"bun-native-processes",
				programsIn([...QEMU, await arm64Bun()], await arm64Library()),
				UNDER_QEMU,
			),
	},
	{
		target: "linux-x64-musl",
		what: "C suite",
		missing: missingMusl,
		run: () => cTests("linux-x64-musl", { CC: muslCompiler() }),
	},
	{
		target: "linux-x64-musl",
		what: `the suite in Bun ${BUN_VERSION} for musl`,
		missing: missingMusl,
		run: async () => {
			const { bun, env } = await muslBunWithLibrary();
			return conformance("linux-x64-musl-bun", "bun-native-processes", { ...env, LIBIPC_BUN: bun });
		},
	},
	{
		target: "linux-x64-musl",
		what: "the suite in Bun for glibc, every second program in Bun for musl",
		missing: missingMusl,
		run: async () => {
			const { bun, env } = await muslBunWithLibrary();
			return conformance("linux-x64-musl-with-glibc", "bun-native-processes", programsIn([bun], env));
		},
	},
	{
		target: "linux-x64-musl",
		what: "the suite in Node for musl",
		missing: never("npm has no Node for musl; the test workflow runs it in Alpine"),
		run: nothing,
	},
	{
		target: "linux-arm64-musl",
		what: "C suite, compiled by zig, under qemu-user",
		missing: missingZig,
		run: () =>
			cTests("linux-arm64-musl", {
				CC: script("zig-cc", `${findZig()} cc -target aarch64-linux-musl -static`),
				RUNNER: QEMU.join(" "),
			}),
	},
	{
		target: "linux-arm64-musl",
		what: "Bun and Node",
		missing: never("they need a musl system for arm64; the test workflow has one"),
		run: nothing,
	},
	...["darwin-x64", "darwin-arm64"].map((target) => ({
		target,
		what: "everything",
		missing: never("macOS cannot be emulated here; the test workflow runs the whole suite there"),
		run: nothing,
	})),
];

async function main(): Promise<boolean> {
	const targets = [...new Set(checks.map(({ target }) => target))];
	const { flags, _ } = commandLine({
		name: "bun run test:targets",
		parameters: ["[targets...]"],
		flags: {
			only: { type: String, placeholder: "<text>", description: "Only what has this text in its description" },
		},
		help: { description: `Runs the tests for other targets. Targets: ${targets.join(", ")}` },
	});
	const unknown = _.targets.find((target) => !targets.includes(target));
	if (unknown) throw new Error(`There is no target "${unknown}". Choose from: ${targets.join(", ")}`);
	mkdirSync(TARGETS_FOLDER, { recursive: true });
	const total: Sums = { passed: 0, failed: 0 };
	const rows: (string | number)[][] = [];
	const reasons: string[] = [];
	for (const { target, what, missing, run: start } of checks) {
		if (_.targets.length > 0 && !_.targets.includes(target)) continue;
		if (flags.only && !what.includes(flags.only)) continue;
		const reason = missing();
		if (reason !== undefined) {
			rows.push([target, what, "-", "-", "all", "-"]);
			reasons.push(`${target}, ${what}: ${reason}`);
			continue;
		}
		console.log(`${target}: ${what}`);
		const begun = performance.now();
		const { passed, failed, notRun } = await start();
		total.passed += passed;
		total.failed += failed;
		rows.push([target, what, passed, failed, notRun.length || "-", Math.round((performance.now() - begun) / 1000)]);
		reasons.push(...notRun.map((each) => `${target}, ${what}: ${each}`));
	}
	console.log(`\n${table(["target", "what", "passed", "failed", "not run", "s"], rows)}\n`);
	for (const each of reasons) console.log(`did not run, and is not counted: ${each}`);
	console.log(closingLine(total));
	return total.failed === 0;
}

try {
	if (!(await main())) process.exitCode = 1;
} catch (error) {
	console.error(error instanceof Error ? error.message : error);
	process.exitCode = 1;
}
