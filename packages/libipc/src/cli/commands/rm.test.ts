import { afterAll, afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, closeSync, existsSync, openSync, rmSync } from "node:fs";
import { Names } from "@libipc/testing/names";
import { testUnless } from "@libipc/testing/test_unless";
import * as library from "libipc";
import { Channel, type ListedName, list, Mutex } from "libipc";
import { leaveBehind, makeOddNames } from "../testing/odd_names.ts";
import { runLibipc, runtimes } from "../testing/run_libipc.ts";

setDefaultTimeout(300_000);

const names = new Names("cmdrm", library);
const { prefix } = names;
const path = (name: string) => names.path("channel", name);
const left = () => list({ prefix }).map(({ name }) => name);
const run = (args: readonly string[], options = {}) => runLibipc([...args, "--prefix", prefix], options);

const removeFiles = () => {
	for (const file of names.files()) rmSync(`/dev/shm/${file}`, { force: true });
};
afterEach(removeFiles);
afterAll(removeFiles);

describe.each(runtimes)("in %s", (_, command) => {
	test("libipc rm removes what is left, damaged, foreign and of another version, and refuses what lives", async () => {
		using receiver = Channel.receiver("live", { prefix, capacity: 4096 });
		makeOddNames(path("live"), path);
		await leaveBehind(prefix, "left", "channel");
		const { status, out, err } = run(["rm", "*"], { command });
		expect({ status, err }).toEqual({
			status: 1,
			err: `channel "live" (prefix "${prefix}") stays: process ${process.pid} has it open; --force removes it all the same\n`,
		});
		expect(out.split("\n").slice(0, 5)).toEqual([
			`removed channel "damaged" (prefix "${prefix}"), was damaged`,
			`removed channel "foreign" (prefix "${prefix}"), was foreign`,
			`removed channel "left" (prefix "${prefix}"), was leftover`,
			`removed channel "other" (prefix "${prefix}"), was other version`,
			`removed channel "unfinished" (prefix "${prefix}"), was unfinished`,
		]);
		expect(left()).toEqual(["live"]);
		const forced = run(["rm", "live", "--force", "--json"], { command });
		expect(forced).toMatchObject({ status: 0, err: "" });
		expect(JSON.parse(forced.out)).toMatchObject({ dryRun: false, removed: [{ name: "live" }], refused: [] });
		expect(existsSync(path("live"))).toBe(false);
		expect(() => receiver.recv({ timeout: 0 })).toThrow(/ORPHANED|removed|another/);
	});

	test("libipc clear removes leftovers only; --dry-run removes nothing", async () => {
		using _receiver = Channel.receiver("live", { prefix, capacity: 4096 });
		makeOddNames(path("live"), path);
		await leaveBehind(prefix, "left", "channel");
		const dry = run(["clear", "--dry-run", "--json"], { command });
		const cleared: string[] = JSON.parse(dry.out).removed.map(({ name }: ListedName) => name);
		expect(cleared).toEqual(["left", "other", "unfinished"]);
		expect(left()).toHaveLength(6);
		// As a process of the other version has it.
		const user = openSync(path("other"), "r+");
		expect(run(["clear"], { command })).toMatchObject({ status: 0, err: "" });
		expect(left()).toEqual(["damaged", "foreign", "live", "other"]);
		const refused = run(["rm", "other"], { command });
		expect(refused.status).toBe(1);
		expect(refused.err).toMatch(/a process has its file open or locked/);
		closeSync(user);
		expect(run(["clear"], { command }).out).toMatch(/^removed channel "other"/);
	});
});

describe("libipc rm", () => {
	test("asks which one is meant, and with --force clears a whole prefix", () => {
		using _channel = Channel.receiver("twice", { prefix });
		using _mutex = Mutex.open("twice", { prefix });
		expect(run(["rm", "twice", "-f"])).toMatchObject({ status: 2, out: "" });
		expect(run(["rm", "twice", "-f", "-k", "mutex"]).status).toBe(0);
		expect(list({ prefix }).map(({ kind }) => kind)).toEqual(["channel"]);
		expect(run(["rm", "nothing"]).status).toBe(3);
		expect(runLibipc(["clear", "--force"])).toMatchObject({ status: 2, out: "" });
		expect(run(["clear", "--force"]).status).toBe(0);
		expect(left()).toEqual([]);
	});

	testUnless(process.getuid?.() !== 0, "Only root can start a process of another user.")(
		"another user's name stays",
		() => {
			using _receiver = Channel.receiver("mine", { prefix });
			chmodSync(path("mine"), 0o600);
			const { status, err } = run(["rm", "mine"], { uid: 65_534 });
			expect(status).toBe(1);
			expect(err).toMatch(/^channel "mine" .* stays: .*ERR_IPC_PERMISSION/);
			expect(run(["clear"], { uid: 65_534 })).toMatchObject({ status: 0, out: "" });
			expect(left()).toEqual(["mine"]);
		},
	);
});
