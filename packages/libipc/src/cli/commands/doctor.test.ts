import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canCreateNamespaces } from "@libipc/testing/namespaces";
import { testUnless } from "@libipc/testing/test_unless";
import { list } from "libipc";
import type { Finding } from "../doctor/finding.ts";
import { runLibipc, runtimes } from "../testing/run_libipc.ts";

setDefaultTimeout(300_000);

const folder = mkdtempSync(join(tmpdir(), "libipc-doctor-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface Report {
	readonly fine: boolean;
	readonly findings: readonly Finding[];
}

/** What doctor says, and its status. */
function examined(args: readonly string[], options: Parameters<typeof runLibipc>[1] = {}) {
	const { status, out } = runLibipc(["doctor", "--json", ...args], options);
	const { fine, findings } = JSON.parse(out) as Report;
	expect(status).toBe(fine ? 0 : 1);
	return { fine, of: (about: string) => findings.find((finding) => finding.about === about) };
}

describe.each(runtimes)("libipc doctor in %s", (name, command) => {
	test("two processes exchange messages, wake each other, and take over a lock", () => {
		const { fine, of } = examined([], { command });
		expect(fine).toBe(true);
		expect(of("runtime")?.found).toStartWith(name === "Bun" ? "Bun " : "Node ");
		for (const about of ["engine", "folder", "space", "layout", "messages"]) expect(of(about)?.grade).toBe("ok");
		// On a busy machine they may be late.
		for (const about of ["event loop", "killed process"]) expect(of(about)?.grade).toMatch(/ok|warning/);
		expect(list().filter(({ prefix }) => prefix.startsWith("libipc-doctor"))).toEqual([]);
	});
});

describe("libipc doctor", () => {
	test("prints a line for each finding, and what to change", () => {
		const { status, out } = runLibipc(["doctor", "--quick", "--dir", "/nowhere"]);
		expect(status).toBe(1);
		expect(out).toMatch(/^ok {7}runtime {9}Bun /);
		expect(out).toMatch(/^problem {2}folder {10}\/nowhere \(ENOENT\)\n +→ Create it, /m);
		expect(out).toMatch(/\n1 problem, \d+ warnings?\n$/);
	});

	test("says why there is no native engine, and which library is not that of the package", () => {
		const { of } = examined(["--quick"], { env: { LIBIPC_LIBRARY: "/etc/hostname" } });
		expect(of("engine")).toMatchObject({ grade: "problem", found: expect.stringContaining("ERR_IPC_LIBRARY") });
		expect(of("environment")?.found).toBe("LIBIPC_LIBRARY=/etc/hostname");
		const [, [, node] = []] = runtimes;
		if (node === undefined) return;
		const between = examined(["--quick"], { command: node, env: { LIBIPC_ENGINE: "sab" } });
		expect(between.of("engine")).toMatchObject({
			grade: "problem",
			advice: expect.stringContaining("LIBIPC_ENGINE=sab"),
		});
	});

	testUnless(!canCreateNamespaces(), "Only root can mount a small folder.")(
		"finds a folder that is small, without the sticky bit, and limits that are low",
		() => {
			const setup = `mount -t tmpfs -o size=512k,nr_inodes=10,mode=0777 none ${folder}; ulimit -n 200; ulimit -f 1000`;
			const [, command = []] = runtimes[0] ?? [];
			const within = ["unshare", "--mount", "sh", "-c", `${setup}; exec "$@"`, "sh", ...command];
			const { fine, of } = examined(["--quick", "--dir", folder], { command: within });
			expect(fine).toBe(false);
			expect(of("space")).toMatchObject({
				grade: "problem",
				found: expect.stringContaining(" free of 512 KiB: 0 names"),
			});
			for (const about of ["folder", "files", "open files", "file size"]) expect(of(about)?.grade).toBe("warning");
		},
	);

	testUnless(process.getuid?.() !== 0, "Only root can start a process of another user.")(
		"finds a folder that this user may not write to",
		() => {
			const { of } = examined(["--quick", "--dir", "/usr"], { uid: 65_534 });
			expect(of("folder")).toMatchObject({ grade: "problem", found: expect.stringContaining("(EACCES)") });
		},
	);
});
