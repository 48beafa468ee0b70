import { describe, expect, setDefaultTimeout, test } from "bun:test";
import type { AloneRow } from "@libipc/bench/bench_ipc/measure_alone";
import { list } from "libipc";
import { jsonOf, runLibipc, runtimes } from "../testing/run_libipc.ts";

setDefaultTimeout(300_000);

const prefix = `cmdbench${process.pid}`;
const small = ["--prefix", prefix, "--count", "2000", "--runs", "2", "--starts", "1"];
const left = () => list().filter((name) => name.prefix.startsWith(prefix));

describe.each(runtimes)("libipc bench in %s", (name, command) => {
	test("measures between processes, and checks every message", () => {
		// Each end is a process, and Node takes long to start one.
		const ends = name === "Bun" ? 2 : 1;
		const args = ["bench", "-p", "N-N", "--ends", String(ends), ...small];
		const { rows } = jsonOf<{ rows: AloneRow[] }>(args, { command });
		const whole = { pattern: "N-N", corrupt: 0 } as const;
		const expected = [
			{ ...whole, n: 1, delivered: 4000 },
			{ ...whole, n: 2, delivered: 8000 },
		];
		expect(rows.map(({ pattern, n, delivered, corrupt }) => ({ pattern, n, delivered, corrupt }))).toEqual(
			expected.slice(0, ends),
		);
		for (const { fastest, median, slowest } of rows) {
			expect(fastest).toBeGreaterThan(0);
			expect(fastest).toBeLessThanOrEqual(median);
			expect(median).toBeLessThanOrEqual(slowest);
		}
		expect(left()).toEqual([]);
	});
});

describe("libipc bench", () => {
	test("ends its processes when it is interrupted, and leaves nothing", async () => {
		const [, command = []] = runtimes[0] ?? [];
		const line = [...command, "bench", "--prefix", prefix, "--runs", "1000", "--json"];
		const bench = Bun.spawn(line, { stdout: "pipe", stderr: "pipe" });
		while (!left().some(({ endpoints }) => endpoints.length > 1)) await Bun.sleep(10);
		bench.kill("SIGINT");
		expect(await bench.exited).toBe(130);
		expect(await bench.stdout.text()).toBe("");
		expect(JSON.parse(await bench.stderr.text())).toEqual({ error: { message: "It was interrupted." }, status: 130 });
		expect(left()).toEqual([]);
	});

	test("refuses sizes that cannot be", () => {
		expect(runLibipc(["bench", "--min", "9", "--max", "8"])).toMatchObject({ status: 2, out: "" });
		expect(runLibipc(["bench", "--ends", "0"])).toMatchObject({ status: 2, out: "" });
	});
});
