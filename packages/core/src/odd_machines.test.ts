import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { canCreateNamespaces } from "@libipc/testing/namespaces";
import { DIRECTORY } from "@libipc/testing/segment_files";
import { testUnless } from "@libipc/testing/test_unless";
import { engine } from "./index.ts";

// Others may be using the machine, too.
setDefaultTimeout(300_000);

const program = fileURLToPath(new URL("testing/refused.child.ts", import.meta.url));

interface Machine {
	readonly title: string;
	/** Commands of a shell in a mount namespace, before the program starts. */
	readonly setup: string;
	readonly env?: Record<string, string>;
	readonly user?: number;
	readonly opened?: { readonly code: string; readonly message: RegExp };
	readonly listed?: { readonly code: string; readonly message: RegExp };
}

const missing = {
	code: "ERR_IPC_SYSTEM",
	message: /the directory for shared memory does not exist \(ENOENT: \/nowhere\)\. Create it, .* LIBIPC_DIR/,
};
const isFile = {
	code: "ERR_IPC_SYSTEM",
	message: /the directory for shared memory is not a directory \(ENOTDIR: \/dev\/null\)/,
};
const relative = {
	code: "ERR_IPC_SYSTEM",
	message: /LIBIPC_DIR is not an absolute path \(EINVAL: here\)\. It must begin with "\/"/,
};

const machines: readonly Machine[] = [
	{ title: "LIBIPC_DIR does not exist", setup: "", env: { LIBIPC_DIR: "/nowhere" }, opened: missing, listed: missing },
	{ title: "LIBIPC_DIR is a file", setup: "", env: { LIBIPC_DIR: "/dev/null" }, opened: isFile, listed: isFile },
	{ title: "LIBIPC_DIR is relative", setup: "", env: { LIBIPC_DIR: "here" }, opened: relative, listed: relative },
	{
		title: "the directory belongs to another user, and this process is a snap",
		setup: `mount -t tmpfs -o mode=755 none ${DIRECTORY}`,
		env: { SNAP_INSTANCE_NAME: "shop" },
		user: 65_534,
		opened: {
			code: "ERR_IPC_PERMISSION",
			message: new RegExp(
				`this user \\(65534\\) may not create files in the directory .* \\(EACCES: ${DIRECTORY}\\)\\. .* mode 1777.*${DIRECTORY}/snap\\.shop\\.libipc`,
			),
		},
	},
	{
		title: "the storage is full when shared memory grows",
		setup: `mount -t tmpfs -o size=1m none ${DIRECTORY}`,
		opened: {
			code: "ERR_IPC_NO_SPACE",
			message: new RegExp(
				`^The system could not grow shared memory .*: there is no shared memory left: 1\\d{7} bytes are needed, and \\d{6} are free \\(ENOSPC: ${DIRECTORY}/libipc\\.memory\\..*\\)\\. .* enlarge`,
			),
		},
	},
	{
		title: "files may have 1,000 KiB, and shared memory grows",
		setup: "ulimit -f 2000",
		opened: {
			code: "ERR_IPC_NO_SPACE",
			message: /may have 1024000 bytes \(ulimit -f\), and 1\d{7} are needed \(EFBIG: /,
		},
	},
	{ title: "the storage is a ramfs", setup: `mount -t ramfs none ${DIRECTORY}` },
];

const error = (expected: Machine["opened"]) =>
	expected && { code: expected.code, message: expect.stringMatching(expected.message) };

const testOnMachine = testUnless(!canCreateNamespaces(), "It needs the right to create namespaces.");

describe("the error says what is wrong and what to do, if", () => {
	for (const { title, setup, env, user, opened, listed } of machines)
		testOnMachine(title, () => {
			const script = `${setup || ":"} && exec "$@"`;
			const args = ["--mount", "sh", "-c", script, "sh", process.execPath, program, `odd${process.pid}`, "name"];
			const { stdout, stderr } = spawnSync("unshare", [...args, String(user ?? "")], {
				env: { ...process.env, ...env },
			});
			expect(stderr.toString()).toBe("");
			expect(JSON.parse(stdout.toString())).toEqual({ opened: error(opened), listed: error(listed) });
		});
});

describe("LIBIPC_DIR", () => {
	test("is one for all threads of the process: a Worker that has another one gets an error", async () => {
		expect(engine().directory).toBe(DIRECTORY);
		const other = mkdtempSync(join(tmpdir(), "libipc-test-"));
		try {
			const url = new URL("testing/opens.worker.ts", import.meta.url);
			const answers = [{ LIBIPC_DIR: other }, { LIBIPC_DIR: DIRECTORY }, {}].map(async (variables) => {
				const { LIBIPC_DIR: _, ...inherited } = process.env;
				const worker = new Worker(url, {
					argv: [`odd${process.pid}`, "name"],
					env: { ...inherited, ...variables } as Record<string, string>,
				});
				const answer = await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
				await worker.terminate();
				return answer;
			});
			expect(await Promise.all(answers)).toEqual([
				{
					code: "ERR_IPC_INVALID_ARGUMENT",
					message: expect.stringContaining(
						`LIBIPC_DIR is ${JSON.stringify(other)} in this thread, but this process uses the directory ${DIRECTORY}`,
					),
				},
				{ directory: DIRECTORY },
				{ directory: DIRECTORY },
			]);
			expect(readdirSync(other)).toEqual([]);
		} finally {
			rmSync(other, { recursive: true, force: true });
		}
	});
});
