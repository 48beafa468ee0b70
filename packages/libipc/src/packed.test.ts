import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
	cpSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	realpathSync,
	renameSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { testUnless } from "@libipc/testing/test_unless";
import { nodeBinary, nodeVersions } from "../../../scripts/node_binary.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const tarballs = join(root, "build/npm");
const directory = mkdtempSync(join(tmpdir(), "libipc-packed-"));
const sum = `${2 * ((1000 * 1001) / 2)}\n`;

function run(command: readonly string[], env: Record<string, string> = {}): string {
	const { exitCode, stdout, stderr } = Bun.spawnSync([...command], {
		cwd: directory,
		env: { ...process.env, ...env },
	});
	if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${exitCode}\n${stdout}${stderr}`);
	return stdout.toString();
}

/** Installs the packed packages in a folder that knows nothing of this repository. */
beforeAll(() => {
	const packed = Bun.spawnSync([process.execPath, "scripts/pack.ts", "--this-machine"], { cwd: root });
	if (packed.exitCode !== 0) throw new Error(packed.stderr.toString());
	const dependencies = Object.fromEntries(
		readdirSync(tarballs).map((file) => [
			file.replace(/^libipc-(?=[a-z])/, "@libipc/").replace(/-\d.*$/, ""),
			`file:${join(tarballs, file)}`,
		]),
	);
	writeFileSync(join(directory, "package.json"), JSON.stringify({ private: true, type: "module", dependencies }));
	for (const file of [
		"main.mjs",
		"worker.mjs",
		"stack.mjs",
		"codecs.mjs",
		"service.mjs",
		"service_exit.mjs",
		"streams.mjs",
		"web.mjs",
		"bundled.ts",
		"names.cjs",
		"typed.ts",
		"typed.cts",
	])
		cpSync(fileURLToPath(new URL(`testing/${file}`, import.meta.url)), join(directory, file));
	run(["npm", "install", "--offline", "--no-audit", "--no-fund"]);
}, 300_000);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe("packed, installed, and run with two threads", () => {
	test("in Bun", () => {
		expect(run([process.execPath, "main.mjs"])).toBe(sum);
	}, 300_000);

	// Where npm has no Node of these versions, the conformance suite says so.
	for (const version of nodeVersions) {
		const binary = nodeBinary(version);
		if (binary === undefined) continue;
		test(`in Node ${version}`, () => {
			expect(run([binary, "main.mjs"], { LIBIPC_ENGINE: "sab" })).toBe(sum);
		}, 300_000);
		// V8 ends the process where a Worker finds no addresses: what is reserved here must leave it some.
		const addresses = { 22: 2_500_000, 24: 4_000_000, 26: 4_000_000 }[version];
		testUnless(process.platform !== "linux", "Only Linux limits the addresses of a process.")(
			`in Node ${version}, with ${addresses} KiB of addresses`,
			() => {
				const limited = ["sh", "-c", `ulimit -v ${addresses}; exec "$@"`, "sh", binary, "main.mjs"];
				expect(run(limited, { LIBIPC_ENGINE: "sab" })).toBe(sum);
			},
			300_000,
		);
	}
	// Node 20 runs no TypeScript, so nothing but the package runs there.
	for (const version of ["20", ...nodeVersions]) {
		const binary = nodeBinary(version);
		if (binary === undefined) continue;
		test(`in Node ${version}, with the library in the package`, () => {
			expect(run([binary, "main.mjs"], { LIBIPC_ENGINE: "native" })).toBe(sum);
		}, 300_000);
	}

	const types = ["--noEmit", "--strict", "--target", "es2022", "--lib", "es2022,dom", "--types", ""];
	test.each([
		["an ES module, nodenext", ["--module", "nodenext", "typed.ts"]],
		["an ES module, bundler", ["--module", "preserve", "typed.ts"]],
		["CommonJS, nodenext", ["--module", "nodenext", "typed.cts"]],
		["CommonJS, node16", ["--module", "node16", "typed.cts"]],
	])(
		"with types for %s",
		(_, options) => {
			const tsc = join(root, "node_modules/typescript/bin/tsc");
			expect(run([process.execPath, tsc, ...types, ...options])).toBe("");
		},
		300_000,
	);
});

describe("the package", () => {
	const node = nodeBinary(26);
	test("leaves its own files out of the stacks of errors", () => {
		for (const runtime of [process.execPath, ...(node === undefined ? [] : [node])])
			expect(run([runtime, "stack.mjs"])).toBe("stack.mjs:8:8\nstack.mjs:13:2\n");
	});

	test("has no path of the folder in which it was made", () => {
		const dist = join(directory, "node_modules/libipc/dist");
		const files = readdirSync(dist, { recursive: true, encoding: "utf8" }).filter((file) =>
			/\.(?:[cm]?js|ts|cts)$/.test(file),
		);
		expect(files.length).toBeGreaterThan(50);
		expect(files.filter((file) => /build\/pack|beside\/\.\./.test(readFileSync(join(dist, file), "utf8")))).toEqual([]);
	});

	test("has codecs, of which those of optional packages need these", () => {
		for (const runtime of [process.execPath, ...(node === undefined ? [] : [node])])
			expect(run([runtime, "codecs.mjs"])).toBe('"text" {"json":1} 1,2 "sealed" "missing" "missing" "missing"\n');
	});

	test("has services, whose errors are those of the package", () => {
		for (const runtime of [process.execPath, ...(node === undefined ? [] : [node])])
			expect(run([runtime, "service.mjs"])).toBe("BUN 42.17 true\n");
	});

	test("closes a server before the names that it uses, also where others were open before", () => {
		for (const runtime of [process.execPath, ...(node === undefined ? [] : [node])])
			expect(run([runtime, "service_exit.mjs"])).toBe("ERR_IPC_PEER_DIED\n");
	});

	test("has streams, whose errors are those of the package", () => {
		for (const runtime of [process.execPath, ...(node === undefined ? [] : [node])])
			expect(run([runtime, "streams.mjs"])).toBe("text text true\n");
	});

	test("has the command libipc, which needs no other package", () => {
		const folder = join(directory, "node_modules/libipc");
		const { bin, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
		const command = join(directory, "node_modules/.bin/libipc");
		expect(realpathSync(command)).toBe(realpathSync(join(folder, bin.libipc)));
		for (const runtime of [process.execPath, nodeBinary("20"), node])
			if (runtime !== undefined) {
				expect(run([runtime, command, "--version"])).toBe(`${version}\n`);
				expect(run([runtime, command, "ls", "--json", "--dir", directory])).toBe("[]\n");
			}
		// What it measures with is in it: about 15 kB.
		expect(statSync(command).size).toBeLessThan(250_000);
	});

	test("has the interfaces of the web, on the one library of the process", () => {
		const oldest = nodeBinary("20");
		const nodes = [node, oldest].filter((binary) => binary !== undefined);
		for (const runtime of [process.execPath, ...nodes])
			expect(run([runtime, "web.mjs"])).toBe("hello 4 true true true\n");
	});

	test("measures and checks the machine with what is installed", () => {
		const command = join(directory, "node_modules/.bin/libipc");
		for (const runtime of [process.execPath, nodeBinary("20")]) {
			if (runtime === undefined) continue;
			const doctor = JSON.parse(run([runtime, command, "doctor", "--json"]));
			const of = (about: string) => doctor.findings.find((finding: { about: string }) => finding.about === about);
			expect(of("messages").grade).toBe("ok");
			expect(of("library")).toMatchObject({ grade: "ok", found: expect.not.stringContaining("not from a package") });
			const args = ["bench", "-p", "route", "--ends", "1", "-c", "2000", "-r", "1", "--json"];
			const [row] = JSON.parse(run([runtime, command, ...args])).rows;
			expect(row).toMatchObject({ delivered: 2000, expected: 2000, corrupt: 0 });
		}
	}, 300_000);

	test("can say whether a library is a published one", async () => {
		const native = join(directory, "node_modules/libipc/native");
		const { checkLibrary } = (await import(
			join(directory, "node_modules/libipc/dist/core/native/check_library.js")
		)) as typeof import("@libipc/core/check_library");
		const file = `${process.platform}-${process.arch}/libipc.${process.platform === "darwin" ? "dylib" : "so"}`;
		const path = join(native, file);
		expect(checkLibrary(path)).toEqual({
			path,
			sha256: new Bun.CryptoHasher("sha256").update(readFileSync(path)).digest("hex"),
			origin: "published",
			file,
		});
		const changed = join(directory, "changed.so");
		writeFileSync(changed, "changed");
		expect(checkLibrary(changed)).toMatchObject({ path: changed, origin: "foreign" });
	});

	test("gives its library to an executable of Bun, which needs no package", async () => {
		const executable = join(directory, "executable/bundled");
		await Bun.build({ entrypoints: [join(directory, "bundled.ts")], compile: { outfile: executable } });
		renameSync(join(directory, "node_modules"), join(directory, "hidden"));
		try {
			expect(JSON.parse(run([executable, `packed${process.pid}`], { TMPDIR: directory }))).toMatchObject({
				engine: "native",
				received: "42.17",
			});
		} finally {
			renameSync(join(directory, "hidden"), join(directory, "node_modules"));
		}
	}, 300_000);
});

describe("under each name, required and imported, it is one instance", () => {
	const runtimes = nodeVersions.map((version) => [`Node ${version}`, nodeBinary(version)] as const);
	for (const [runtime, binary] of [["Bun", process.execPath] as const, ...runtimes]) {
		if (binary === undefined) continue;
		test(`in ${runtime}`, () => {
			expect(run([binary, "names.cjs"])).toBe("true\n");
		});
	}
});
