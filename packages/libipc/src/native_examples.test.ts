import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { killAtEnd } from "@libipc/testing/cleanup";
import { Names } from "@libipc/testing/names";
import { testUnless } from "@libipc/testing/test_unless";
import * as libipc from "libipc";
import { Channel, Queue } from "libipc";
import { libraryName } from "../../../scripts/lib/targets.ts";
import { findCompiler } from "../../../scripts/lib/toolchain.ts";

/** The C library as programs in other languages use it: installed, linked, and in one conversation with Bun. See docs/c.md. */
const root = fileURLToPath(new URL("../../..", import.meta.url));
const examples = join(root, "examples/native");
const directory = mkdtempSync(join(tmpdir(), "libipc-native-"));
const prefix = join(directory, "prefix");
const platform = process.platform === "darwin" ? "darwin" : "linux";
const soname = basename(libraryName[platform]);
const library = join(prefix, "lib", soname);
const names = new Names("native-examples", libipc);
/** It may take long on a busy machine; it takes a second. */
const LIMIT = 120_000;

const runs = (...command: string[]): boolean => {
	try {
		return Bun.spawnSync(command).exitCode === 0;
	} catch {
		return false; // There is no such program.
	}
};
const cpp = process.env.CXX ?? ["c++", "g++", "clang++"].find((name) => runs(name, "--version"));
const noCpp = [cpp === undefined, "There is no C++ compiler here."] as const;
const noPython = [!runs("python3", "-c", "import ctypes"), "There is no python3 with ctypes here."] as const;
const noRust = [!runs("rustc", "--version"), "There is no rustc here."] as const;

function run(command: readonly string[], env: Record<string, string> = {}): string {
	const { exitCode, stdout, stderr } = Bun.spawnSync([...command], { cwd: directory, env: { ...process.env, ...env } });
	if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${exitCode}\n${stdout}${stderr}`);
	return stdout.toString();
}

const WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Werror"];
const compileFlags = ["-O1", ...WARNINGS, `-I${join(prefix, "include")}`];
const linkFlags = [`-L${join(prefix, "lib")}`, "-lipc", `-Wl,-rpath,${join(prefix, "lib")}`];

/** Compiles an example against what was installed. Returns the program. */
function build(compiler: string, source: string, ...flags: string[]): string {
	const program = join(directory, source.replace(".", "_"));
	run([compiler, ...compileFlags, ...flags, join(examples, source), "-o", program, ...linkFlags]);
	return program;
}

const install = (to: string) =>
	Bun.spawnSync([process.execPath, "scripts/install_native.ts", to], { cwd: root, stderr: "pipe" });

beforeAll(() => {
	const { exitCode, stderr } = install(prefix);
	if (exitCode !== 0) throw new Error(stderr.toString());
}, LIMIT);

afterEach(() => names.expectNothingLeft());
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const COUNT = 1000;

/** Questions of any language's program, more than its buffer has room for at first, and their answers in order. */
async function converse(command: readonly string[], env: Record<string, string> = {}): Promise<void> {
	const { prefix } = names;
	const questions = [
		...Array.from({ length: COUNT }, (_, i) => `question ${i}, ${"again ".repeat(i % 50)}`),
		"a long one ".repeat(20_000),
		"the last one",
	];
	using answers = Channel.receiver("answers", { prefix });
	using queue = Queue.sender("questions", { prefix });
	const program = Bun.spawn([...command, prefix], {
		cwd: directory,
		env: { ...process.env, ...env },
		stdout: "pipe",
		stderr: "pipe",
	});
	const release = killAtEnd(program.pid);
	for (const [i, question] of questions.entries()) {
		queue.send(question);
		// Some wait in the queue, and some are answered at once.
		if (i >= COUNT / 2) continue;
		expect(answers.recv({ timeout: 20_000 })).toEqual(new TextEncoder().encode(question.toUpperCase()));
	}
	queue.send("");
	for (const question of questions.slice(COUNT / 2))
		expect(answers.recv({ timeout: 20_000 })).toEqual(new TextEncoder().encode(question.toUpperCase()));
	const errors = await new Response(program.stderr).text();
	expect({ status: await program.exited, errors }).toEqual({ status: 0, errors: "" });
	release();
}

/** More calls of serve.ts than call.py itself makes. */
const PYTHON_CALLS = `
import sys
from call import Client, ServiceError

client = Client(sys.argv[1], "prices")
days = list(client.stream("history", "BUN", 500))
assert days == [f"BUN on day {day}" for day in range(1, 501)]
print(f"{len(days)} items, the last one is {days[-1]}")
for day in client.stream("history", "BUN", 1_000_000):
    if day.endswith(" 3"):
        print("left after", day)
        break
try:
    client.call("sell", "BUN")
except ServiceError as error:
    print(error.code)
print(*client.stream("history", "crème brûlée", 1))
client.close()
nobody = Client(sys.argv[1], "nobody")
try:
    nobody.call("quote", "BUN", timeout=0.1)
except TimeoutError as error:
    print(error)
nobody.close()
`;

/** What it prints when an open fails is the text of the library. */
function checkFailure(command: readonly string[], env: Record<string, string> = {}): void {
	const { exitCode, stderr } = Bun.spawnSync([...command, "a/b"], { cwd: directory, env: { ...process.env, ...env } });
	expect(stderr.toString()).toContain("(IPC_E_INVALID_NAME)");
	expect(exitCode).toBe(1);
}

/** The first characters of an output; fewer if it ends before. */
async function firstOf(output: ReadableStream<Uint8Array>, length: number): Promise<string> {
	const decoder = new TextDecoder();
	let text = "";
	for await (const part of output) {
		text += decoder.decode(part, { stream: true });
		if (text.length >= length) break;
	}
	return text;
}

describe("installed under a prefix", () => {
	test("the library has the ABI version in its name, and the plain name leads to it", () => {
		expect(readlinkSync(join(prefix, "lib", platform === "darwin" ? "libipc.dylib" : "libipc.so"))).toBe(soname);
		expect(readFileSync(library).includes(soname)).toBe(true);
		expect(existsSync(join(prefix, "include/libipc/libipc.h"))).toBe(true);
	});

	testUnless(!runs("pkg-config", "--version"), "There is no pkg-config here.")("pkg-config finds it", () => {
		const env = { PKG_CONFIG_PATH: join(prefix, "lib/pkgconfig") };
		expect(run(["pkg-config", "--cflags", "--libs", "libipc"], env).trim()).toBe(
			`-I${prefix}/include -L${prefix}/lib -lipc`,
		);
		expect(run(["pkg-config", "--modversion", "libipc"], env)).toMatch(/^\d+\.\d+\.\d+/);
	});

	test("the page and the examples name this version", () => {
		const files = [
			"docs/c.md",
			...["answer.py", "call.py", "cpp_ipc_relay.cpp"].map((name) => `examples/native/${name}`),
		];
		const named = files.flatMap((file) => [...readFileSync(join(root, file), "utf8").matchAll(/libipc\.so\.\d+/g)]);
		expect(named.length).toBeGreaterThanOrEqual(5);
		expect(new Set(named.map(([name]) => name))).toEqual(new Set([basename(libraryName.linux)]));
	});

	test("a second installation replaces the first one", () => {
		const other = join(directory, "twice");
		expect([install(other).exitCode, install(other).exitCode]).toEqual([0, 0]);
	});

	test("the headers of cpp-ipc, whose library has the same name, are not overwritten", () => {
		const other = join(directory, "cpp-ipc");
		mkdirSync(join(other, "include/libipc"), { recursive: true });
		writeFileSync(join(other, "include/libipc/ipc.h"), "");
		const { exitCode, stderr } = install(other);
		expect([exitCode, stderr.toString()]).toEqual([1, expect.stringContaining("cpp-ipc")]);
		expect(existsSync(join(other, "lib"))).toBe(false);
	});
});

describe("a conversation with Bun", () => {
	test(
		"in C",
		async () => {
			const program = build(findCompiler(), "answer.c", "-std=c11");
			expect(readFileSync(program).includes(soname)).toBe(true);
			await converse([program]);
			checkFailure([program]);
		},
		LIMIT,
	);

	testUnless(...noCpp)(
		"in C++",
		async () => {
			const program = build(cpp ?? "", "answer.cpp", "-std=c++17");
			await converse([program]);
			checkFailure([program]);
		},
		LIMIT,
	);

	testUnless(...noPython)(
		"in Python",
		async () => {
			const env = { LIBIPC_LIBRARY: library };
			await converse(["python3", join(examples, "answer.py")], env);
			checkFailure(["python3", join(examples, "answer.py")], env);
		},
		LIMIT,
	);

	testUnless(...noPython)(
		"in Python, as a client of a service",
		async () => {
			const { prefix } = names;
			const server = Bun.spawn([process.execPath, join(examples, "serve.ts"), prefix], { stderr: "pipe" });
			const release = killAtEnd(server.pid);
			const env = { LIBIPC_LIBRARY: library };
			const program = [...readFileSync(join(root, "docs/c.md"), "utf8").matchAll(/^```text\n(\{.*?)^```$/gms)];
			expect(program).toHaveLength(1);
			expect(run(["python3", join(examples, "call.py"), prefix], env)).toBe(program[0]?.[1] ?? "");
			// Streams of more items than the server sends ahead, one that is left, and a call that nobody answers.
			expect(run(["python3", "-c", PYTHON_CALLS, prefix], { ...env, PYTHONPATH: examples }).split("\n")).toEqual([
				"500 items, the last one is BUN on day 500",
				"left after BUN on day 3",
				"ERR_IPC_NO_METHOD",
				"crème brûlée on day 1",
				"quote was not answered within 0.1 s",
				"",
			]);
			server.kill("SIGTERM");
			expect({ status: await server.exited, errors: await server.stderr.text() }).toEqual({ status: 0, errors: "" });
			release();
		},
		LIMIT,
	);

	testUnless(...noRust)(
		"in Rust",
		async () => {
			const program = join(directory, "answer_rs");
			const lib = join(prefix, "lib");
			run([
				...["rustc", "--edition", "2021", "-D", "warnings", "-L", `native=${lib}`],
				...["-C", `link-arg=-Wl,-rpath,${lib}`, join(examples, "answer.rs"), "-o", program],
			]);
			await converse([program]);
			checkFailure([program]);
		},
		LIMIT,
	);

	test(
		"that examples/native/ask.ts begins",
		async () => {
			const program = Bun.spawn([build(findCompiler(), "answer.c", "-std=c11"), names.prefix]);
			const release = killAtEnd(program.pid);
			expect(run([process.execPath, join(examples, "ask.ts"), names.prefix])).toBe(
				"who is there? WHO IS THERE?\nin which language? IN WHICH LANGUAGE?\nwhy so loud? WHY SO LOUD?\n",
			);
			expect(await program.exited).toBe(0);
			release();
		},
		LIMIT,
	);
});

describe("a relay between cpp-ipc and libipc", () => {
	const lines = [...Array.from({ length: COUNT }, (_, i) => `message ${i}`), "large ".repeat(500_000), "end"];
	let program = "";
	/** Compiled once. */
	const relay = (): string => {
		const standIn = fileURLToPath(new URL("testing/cpp_ipc", import.meta.url));
		program ||= build(cpp ?? "", "cpp_ipc_relay.cpp", "-std=c++17", `-I${standIn}`);
		return program;
	};

	function start(direction: string, name: string) {
		const [from, to] = direction === "to-libipc" ? ["cpp", name] : [name, "cpp"];
		return Bun.spawn([relay(), direction, from ?? "", to ?? ""], { stdin: "pipe", stdout: "pipe", stderr: "pipe" });
	}

	testUnless(...noCpp)(
		"moves each message to libipc, in order",
		async () => {
			const name = `${names.prefix}.in`;
			using receiver = Channel.receiver(name);
			const program = start("to-libipc", name);
			const release = killAtEnd(program.pid);
			program.stdin.write(lines.map((line) => `${line}\n`).join(""));
			program.stdin.flush();
			for (const line of lines)
				expect(new TextDecoder().decode((await receiver.recvAsync({ timeout: 20_000 })) ?? undefined) === line).toBe(
					true,
				);
			program.kill("SIGTERM");
			expect(await new Response(program.stderr).text()).toBe(
				`moved ${lines.length} messages; dropped 0, for which there was no receiver\n`,
			);
			expect(await program.exited).toBe(0);
			release();
		},
		LIMIT,
	);

	testUnless(...noCpp)(
		"moves each message from libipc, in order",
		async () => {
			const name = `${names.prefix}.out`;
			using sender = Channel.sender(name);
			const program = start("to-cpp-ipc", name);
			const release = killAtEnd(program.pid);
			await sender.receiversReady(1, { timeout: 20_000 });
			const expected = lines.map((line) => `${line}\n`).join("");
			const output = firstOf(program.stdout, expected.length);
			sender.send(""); // cpp-ipc has no empty messages.
			for (const line of lines) expect(await sender.sendAsync(line)).toBe(true);
			expect((await output) === expected).toBe(true);
			program.kill("SIGTERM");
			expect(await new Response(program.stderr).text()).toBe(
				`moved ${lines.length} messages; dropped 1, for which there was no receiver\n`,
			);
			expect(await program.exited).toBe(0);
			release();
		},
		LIMIT,
	);

	testUnless(...noCpp)(
		"says how it is used",
		() => {
			const { exitCode, stderr } = Bun.spawnSync([relay(), "sideways"]);
			expect([exitCode, stderr.toString()]).toEqual([2, expect.stringContaining("usage:")]);
		},
		LIMIT,
	);
});

/** The blocks of the page that are whole programs: a sender, a receiver that blocks, and one with an event loop. */
const programs = [...readFileSync(join(root, "docs/c.md"), "utf8").matchAll(/^```c\n(#include[\s\S]*?)^```/gm)];

test(
	"the programs of docs/c.md exchange what the page says",
	async () => {
		expect(programs).toHaveLength(3);
		const [sender = "", ...receivers] = programs.map(([, text = ""], i) => {
			const program = join(directory, `page_${i}`);
			writeFileSync(`${program}.c`, text);
			run([findCompiler(), ...compileFlags, "-std=c11", `${program}.c`, "-o", program, ...linkFlags]);
			return program;
		});
		// Their name is that of the page, so it is in a directory of this test.
		const env = { ...process.env, LIBIPC_DIR: directory };
		for (const receiver of receivers) {
			const program = Bun.spawn([receiver], { env, stdout: "pipe", stderr: "inherit" });
			const release = killAtEnd(program.pid);
			run([sender], env);
			expect(await firstOf(program.stdout, "hello from C\n".length)).toBe("hello from C\n");
			program.kill("SIGTERM"); // The one with an event loop does not end.
			await program.exited;
			release();
		}
	},
	LIMIT,
);
