import { expect, test } from "bun:test";
import { collectGarbage } from "@libipc/testing/garbage";
import { sleep } from "@libipc/testing/timing";
import { list } from "libipc";
import { Service } from "libipc/service";

const prefix = `idle${process.pid}`;
const CLIENTS = 100;
const MEASURED_MS = 2000;

test("a server and a hundred connected clients take no processor time while they are idle", async () => {
	const handlers = { echo: (value: number) => value };
	const server = Service.serve("idle", handlers, { prefix });
	const clients = Array.from({ length: CLIENTS }, () => Service.connect<typeof handlers>("idle", { prefix }));
	try {
		const answers = await Promise.all(clients.map((client, i) => client.echo(i)));
		expect(answers).toEqual(Array.from({ length: CLIENTS }, (_, i) => i));
		// Clients look for dead servers until they have had no call for a moment.
		await sleep(1000);
		collectGarbage();
		await sleep(100);
		const before = process.cpuUsage();
		await sleep(MEASURED_MS);
		const { user, system } = process.cpuUsage(before);
		// A hundred timers of 250 ms would take ten times as long.
		expect((user + system) / 1000).toBeLessThan(MEASURED_MS / 50);
	} finally {
		for (const client of clients) client.$close();
		server.close();
	}
	expect(list({ prefix })).toEqual([]);
}, 60_000);
