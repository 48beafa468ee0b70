import { afterAll, describe, expect, test } from "bun:test";
import {
	chmodSync,
	closeSync,
	copyFileSync,
	openSync,
	readFileSync,
	rmSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import { Names } from "@libipc/testing/names";
import { TestProgram } from "@libipc/testing/test_program";
import * as library from "./index.ts";
import { Channel, clear, type ListedName, list } from "./index.ts";

const names = new Names("listfiles", library);
const { prefix } = names;
const path = (name: string) => names.path("channel", name);

afterAll(() => {
	for (const file of [...names.files(), `libipc.odd.${prefix}.x`]) rmSync(`/dev/shm/${file}`, { force: true });
});

const namesOf = (listed: readonly ListedName[]) => listed.map(({ name }) => name);

/** Starts a program of `testing/` as a separate process. */
const startProgram = (file: string, args: readonly (string | number)[], env: Record<string, string> = {}) =>
	new TestProgram(new URL(`testing/${file}`, import.meta.url), args, { transport: "processes", env });

describe("list", () => {
	test("tells what is no sound segment, and does not trust it", () => {
		const name = names.next();
		using _receiver = Channel.receiver(name, { prefix, capacity: 4096 });
		const segment = path(name);
		const made: Record<string, (file: string) => void> = {
			truncated: (file) => {
				copyFileSync(segment, file);
				truncateSync(file, 10_000);
			},
			copied: (file) => copyFileSync(segment, file),
			foreign: (file) => writeFileSync(file, "x".repeat(10_000)),
			small: (file) => writeFileSync(file, "x"),
			empty: (file) => writeFileSync(file, ""),
			version: (file) => {
				const bytes = Buffer.from(readFileSync(segment));
				bytes.writeUInt32LE(99, 4);
				writeFileSync(file, bytes);
			},
		};
		for (const [each, make] of Object.entries(made)) make(path(each));
		writeFileSync(`/dev/shm/libipc.odd.${prefix}.x`, "");
		const states = Object.fromEntries(list({ prefix }).map((each) => [each.name, each.state]));
		expect(states).toMatchObject({
			...{ truncated: "damaged", copied: "damaged", foreign: "foreign", small: "foreign" },
			...{ empty: "unfinished", version: "other-version", [name]: "live" },
		});
		const unnamed = list().find((each) => each.path === `/dev/shm/libipc.odd.${prefix}.x`);
		expect(unnamed).toMatchObject({ name: "", prefix: "", kind: "unknown", state: "foreign", endpoints: [] });
		expect(list({ prefix: "" }).map((each) => each.path)).not.toContain(unnamed?.path);

		const user = openSync(path("version"), "r+"); // as a process of the other version has
		expect(namesOf(clear({ prefix }))).toEqual(["empty"]);
		expect(namesOf(list({ prefix }))).toEqual(["copied", "foreign", name, "small", "truncated", "version"]);
		closeSync(user);
		expect(namesOf(clear({ prefix }))).toEqual(["version"]);
		for (const each of Object.keys(made)) Channel.clear(each, { prefix });
		expect(namesOf(list({ prefix }))).toEqual([name]);
	});

	test("another user's names are listed, and stay", async () => {
		const name = names.next();
		using _receiver = Channel.receiver(name, { prefix });
		if (process.getuid?.() !== 0) chmodSync(path(name), 0);
		await using lister = startProgram("list.child.ts", [prefix]);
		const report = await lister.report<{ listed: ListedName[]; cleared: ListedName[] }>();
		expect(report.listed).toMatchObject([{ name, kind: "channel", state: "denied", endpoints: [], capacity: 0 }]);
		expect(report.cleared).toEqual([]);
		rmSync(path(name));
	}, 300_000);
});
