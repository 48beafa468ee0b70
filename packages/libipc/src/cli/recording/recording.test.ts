import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom } from "@libipc/testing/random";
import type { Description, RecordedMessage } from "./layout.ts";
import * as layout from "./layout.ts";
import { RecordingReader } from "./recording_reader.ts";
import { RecordingWriter } from "./recording_writer.ts";

const folder = mkdtempSync(join(tmpdir(), "libipc-recording-"));
const path = join(folder, "a.rec");

afterAll(() => rmSync(folder, { recursive: true }));

const nameOf = (name: string): Description["names"][number] => ({
	...{ kind: "channel", prefix: "shop", name, codec: "json", stamped: true },
	...{ capacity: 4096, maxReceivers: 64, overflow: "block", permissions: 0o600 },
});
const description: Description = {
	...{ version: 1, startedAt: "2026-01-02T03:04:05.678Z", startTime: 1000, order: "sent" },
	names: [nameOf("a"), nameOf("ü")],
};

/** Messages of all sizes; every 100th record is a loss. */
function messages(count: number, largest: number): RecordedMessage[] {
	const random = seededRandom(7);
	return Array.from({ length: count }, (_, i) => ({
		name: random(2),
		time: 1000 + i * 10,
		sentAt: 900 + i * 10,
		readAt: 2 ** 52 + i,
		sender: random(2 ** 31),
		lost: i % 100 === 99 ? 2 ** 40 + i : 0,
		bytes: new Uint8Array(i % 100 === 99 ? 0 : random(i % 50 === 7 ? largest : 200)).map(() => random(256)),
	}));
}

function write(all: readonly RecordedMessage[], { zstd = false, every = 1000, isEnded = true } = {}): RecordingWriter {
	const writer = new RecordingWriter(path, description, zstd);
	for (const [index, { name, time, sentAt, readAt, sender, lost, bytes }] of all.entries()) {
		if (lost > 0) writer.addLost(name, time, lost);
		else writer.add(name, time, sentAt, readAt, sender, bytes);
		if (index % every === every - 1) writer.flush();
	}
	if (isEnded) writer.close();
	else writer.flush();
	return writer;
}

const plain = (all: Iterable<RecordedMessage>) =>
	[...all].map(({ name, time, sentAt, readAt, sender, lost, bytes }) =>
		lost > 0
			? { name, time, lost }
			: { name, time, sentAt, readAt, sender, bytes: Buffer.from(bytes).toString("base64") },
	);

function read(from = 0) {
	const damaged: number[] = [];
	const reader = new RecordingReader(path);
	try {
		const { damage, blocks, messages: count } = reader;
		const all = plain(reader.records(from, ({ offset }) => damaged.push(offset)));
		return { all, damage, blocks: blocks.length, count, damaged, description: reader.description };
	} finally {
		reader[Symbol.dispose]();
	}
}

describe.each([false, true])("a recording (zstd: %s)", (zstd) => {
	const all = messages(3000, 100_000);

	test("gives back the description and each record, also those of a block of their own", () => {
		const large = { ...(all[0] as RecordedMessage), time: 1e6, bytes: new Uint8Array(3 << 20).fill(7), lost: 0 };
		const some = [...all, large, ...messages(3, 10).map((each) => ({ ...each, time: each.time + 1e6 }))];
		const writer = write(some, { zstd });
		expect(writer.messages).toBe(some.filter(({ lost }) => lost === 0).length);
		expect(writer.byteLength).toBe(statSync(path).size);
		const found = read();
		expect(found.all).toEqual(plain(some));
		expect(found).toMatchObject({ damage: undefined, damaged: [], count: writer.messages, description });
	});

	test("begins in the middle, at a time", () => {
		write(all, { zstd });
		for (const from of [0, 1000, 15_005, 30_990, 30_991, 1e9])
			expect(read(from).all).toEqual(plain(all.filter(({ time }) => time >= from)));
	});

	test("of a killed recorder has every block that was written", () => {
		write(all, { zstd, isEnded: false });
		const found = read();
		expect(found.all).toEqual(plain(all));
		expect(found.damage).toBe("it has no end: the recorder was killed, or still runs");
	});

	test("that was cut off anywhere has the whole blocks before that place", () => {
		const some = messages(60, 50);
		write(some, { zstd, every: 10 });
		const bytes = readFileSync(path);
		const reader = new RecordingReader(path);
		const starts = reader.blocks.map(({ offset }) => offset);
		reader[Symbol.dispose]();
		const first = starts[0] as number;
		for (let length = 0; length < bytes.byteLength; length += 5) {
			writeFileSync(path, bytes.subarray(0, length));
			if (length < first) {
				expect(() => new RecordingReader(path)).toThrow(/is not a recording of libipc/);
				continue;
			}
			const found = read();
			// The next block begins where the one before ends.
			const whole = starts.filter((_, index) => (starts[index + 1] ?? Number.POSITIVE_INFINITY) <= length).length;
			expect(found.damage).toBeString();
			expect([whole, whole + 1]).toContain(found.blocks);
			expect(found.all).toEqual(plain(some.slice(0, found.blocks * 10)));
		}
	});

	test("with a changed byte gives out no record that was not recorded", () => {
		const some = messages(60, 50);
		write(some, { zstd, every: 10 });
		const bytes = readFileSync(path);
		const right = new Set(plain(some).map((each) => JSON.stringify(each)));
		for (let at = 0; at < bytes.byteLength; at += 5) {
			const changed = Buffer.from(bytes);
			changed[at] = (changed[at] as number) ^ 0x10;
			writeFileSync(path, changed);
			let found: ReturnType<typeof read>;
			try {
				found = read();
			} catch (error) {
				expect((error as Error).message).toMatch(/is not a recording of libipc/);
				continue;
			}
			for (const each of found.all) expect(right.has(JSON.stringify(each))).toBeTrue();
			// What is not damaged is there: all but one block, or all before the damage.
			const complete = found.all.length === some.length;
			expect(complete || found.damage !== undefined || found.damaged.length === 1).toBeTrue();
		}
	});
});

test("other files are refused", () => {
	for (const content of ["", "IPCREC1\n", "IPCREC2\n".padEnd(100), "x".repeat(1000)]) {
		writeFileSync(path, content);
		expect(() => new RecordingReader(path)).toThrow(/is not a recording of libipc/);
	}
	expect(() => new RecordingReader(join(folder, "none"))).toThrow(/ENOENT/);
});

test("an empty recording is complete", () => {
	write([]);
	expect(read()).toMatchObject({ all: [], damage: undefined, count: 0 });
	write([], { isEnded: false });
	expect(read()).toMatchObject({ all: [], count: 0 });
});

test("docs/recording.md has every field at its place", () => {
	const page = readFileSync(new URL("../../../../../docs/recording.md", import.meta.url), "utf8");
	const documented = [...page.matchAll(/^\| (\w+\.\w+) \| (\d+) \| (?:16|32|64) \|/gm)].map(([, field, offset]) => [
		field,
		Number(offset),
	]);
	const { block, record, entry, end } = layout;
	const fields = Object.entries({ block, record, entry, end }).flatMap(([part, offsets]) =>
		Object.entries(offsets).map(([field, offset]) => [`${part}.${field}`, offset]),
	);
	expect(documented).toEqual(fields);
	const sizes = [layout.START_BYTES, layout.BLOCK_BYTES, layout.RECORD_BYTES, layout.ENTRY_BYTES, layout.END_BYTES];
	expect(sizes).toEqual([16, 56, 40, 40, 32]);
	expect([layout.MAGIC, layout.END_MAGIC]).toEqual(["IPCREC1\n", "IPCREND1"]);
	const magic = new Uint8Array(Uint32Array.of(layout.BLOCK_MAGIC).buffer);
	expect(new TextDecoder().decode(magic)).toBe("IBLK");
});
