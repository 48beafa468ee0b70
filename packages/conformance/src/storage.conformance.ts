/** The folder of the names: it can be full, read-only, out of the sight of a process, or another one. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assertLike } from "@libipc/testing/assert_like";
import { inNamespaces } from "@libipc/testing/namespaces";
import { writePattern } from "@libipc/testing/pattern";
import { DIRECTORY } from "@libipc/testing/segment_files";
import { sleep } from "@libipc/testing/timing";
import { afterEach, describe, test } from "./harness.ts";
import { Names } from "./names.ts";
import { startProgram } from "./start_program.ts";
import { Channel } from "./under_test.ts";

const names = new Names("storage");
const { prefix } = names;

afterEach(() => names.expectNothingLeft());

interface Trouble {
	readonly title: string;
	/** Commands that make it so, and that put it right. */
	readonly wrong: string;
	readonly right: string;
	readonly code: string;
	readonly message: RegExp;
}

const troubles: readonly Trouble[] = [
	{
		title: "no room for another file",
		wrong: `mount -t tmpfs -o nr_inodes=2 none ${DIRECTORY} && touch ${DIRECTORY}/other`,
		right: `mount -o remount,nr_inodes=100 ${DIRECTORY}`,
		code: "ERR_IPC_NO_SPACE",
		message: new RegExp(
			`^The system could not open channel .*: there is no room for another file \\(ENOSPC: ${DIRECTORY}\\)\\. .* nr_inodes=`,
		),
	},
	{
		title: "no room for the ring",
		wrong: `mount -t tmpfs -o size=64k none ${DIRECTORY}`,
		right: `mount -o remount,size=8m ${DIRECTORY}`,
		code: "ERR_IPC_NO_SPACE",
		message: new RegExp(
			`there is no shared memory left: \\d{7} bytes are needed, and 65536 are free \\(ENOSPC: ${DIRECTORY}/libipc\\.channel\\..*\\)\\. .* enlarge shared memory`,
		),
	},
	{
		title: "read-only storage",
		wrong: `mount -t tmpfs -o ro none ${DIRECTORY}`,
		right: `mount -o remount,rw ${DIRECTORY}`,
		code: "ERR_IPC_SYSTEM",
		message: new RegExp(`the file system is read-only \\(EROFS: ${DIRECTORY}\\)\\. Mount it for writing.* LIBIPC_DIR`),
	},
];

describe("in namespaces", () => {
	for (const { title, wrong, right, code, message } of troubles)
		test(`the first open fails, and a later one does not: ${title}`, async () => {
			const surroundings = [wrong, right].map((command) => JSON.stringify({ command }));
			await using program = startProgram("first_open", [prefix, names.next(), ...surroundings], {
				within: inNamespaces("mount"),
			});
			assertLike(await program.report<object>(), { code, message });
			assertLike(await program.report<object>(), { code, message });
			assert.deepEqual(await program.report<object>(), { received: "it works" });
			assert.equal(await program.exited, 0);
		});

	test("something is mounted over the storage of one of several: it keeps what it has, and so do the others", async () => {
		const name = names.next();
		const count = 300;
		using sender = Channel.sender(name, { prefix });
		await using first = startProgram("receiver", ["channel", prefix, name, count, 64]);
		await using second = startProgram("receiver", ["channel", prefix, name, count, 64], {
			within: ["unshare", "--mount"],
		});
		for (const program of [first, second]) assert.equal(await program.line(), "ready");
		const buffer = new Uint8Array(64);
		for (let i = 0; i < count; i++) {
			if (i === 100) {
				const target = ["nsenter", "--target", String(second.pid), "--mount"];
				execFileSync(target[0] as string, [...target.slice(1), "mount", "-t", "tmpfs", "none", DIRECTORY]);
			}
			// Longer than it takes the receivers to look whether their name is still theirs.
			if (i === 100 || i === 200) await sleep(1500);
			if (i === 200) {
				using late = Channel.receiver(name, { prefix });
				assert.equal(sender.receiverCount, 3);
				assert.equal(late.tryRecv(), null);
			}
			assert.equal(sender.send(writePattern(buffer, 0, i, 64), { timeout: 10_000 }), true);
		}
		for (const program of [first, second]) {
			assertLike(await program.report<object>(), { received: count, next: [count] });
			assert.equal(await program.exited, 0);
		}
	});
});

describe("LIBIPC_DIR names the directory of the names", () => {
	test("on a disk: processes that have it share names, and others do not", async () => {
		const directory = mkdtempSync(join(tmpdir(), "libipc-test-"));
		try {
			const count = 300;
			const name = names.next();
			const env = { LIBIPC_DIR: directory };
			await using receiver = startProgram("receiver", ["channel", prefix, name, count, 64, "async"], { env });
			assert.equal(await receiver.line(), "ready");
			using elsewhere = Channel.sender(name, { prefix });
			assert.equal(elsewhere.receiverCount, 0);
			await using sender = startProgram("sender", ["channel", prefix, name, 0, count, 64, 1, "async"], { env });
			assert.equal(await sender.line(), "ready");
			assert.deepEqual(await sender.report<object>(), { sent: count });
			assertLike(await receiver.report<object>(), { received: count, next: [count] });
			for (const program of [sender, receiver]) assert.equal(await program.exited, 0);
			assert.deepEqual(readdirSync(directory), []);
		} finally {
			rmSync(directory, { recursive: true, force: true });
		}
	});
});

describe("a process without free descriptors", () => {
	test("its first open fails, and a later one does not", async () => {
		await using program = startProgram("first_open", [prefix, names.next(), "no descriptors"], {
			within: ["sh", "-c", 'ulimit -n 128; exec "$@"', "sh"],
		});
		const error = { code: "ERR_IPC_SYSTEM", message: /too many files are open \(EMFILE: .*\)\. .*ulimit/ };
		assertLike(await program.report<object>(), error);
		assertLike(await program.report<object>(), error);
		assert.deepEqual(await program.report<object>(), { received: "it works" });
		assert.equal(await program.exited, 0);
	});
});
