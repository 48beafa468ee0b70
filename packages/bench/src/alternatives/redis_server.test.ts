import { describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findRedisServer, RedisServer } from "./redis_server.ts";

test("a machine without redis-server is a reason of one line", () => {
	expect(() => findRedisServer("/nonexistent")).toThrow(/^redis is left out: there is no redis-server in PATH.*$/);
});

describe("the redis server", () => {
	const isMissing = Bun.which("redis-server") === null;

	test("ends with the measurement, and leaves no directory", async () => {
		if (isMissing) return expect(() => findRedisServer()).toThrow("left out");
		const { pid, url } = await (async () => {
			await using server = new RedisServer(findRedisServer());
			await server.ready();
			expect(existsSync(pathOf(server.url))).toBe(true);
			return { pid: server.pid, url: server.url };
		})();
		expect(() => process.kill(pid, 0)).toThrow("ESRCH");
		expect(existsSync(join(pathOf(url), ".."))).toBe(false);
	}, 300_000);

	test("a server that cannot start is an error with its log", async () => {
		// Runs everywhere: a program in its place that ends with a message.
		const directory = mkdtempSync(join(tmpdir(), "libipc-redis-"));
		try {
			const program = join(directory, "redis-server");
			await Bun.write(program, "#!/bin/sh\necho 'no memory'\nexit 3\n");
			Bun.spawnSync(["chmod", "+x", program]);
			await using server = new RedisServer(program);
			await expect(server.ready()).rejects.toThrow(/^redis-server \(process \d+\) ended with status 3:\nno memory/);
		} finally {
			rmSync(directory, { recursive: true });
		}
	}, 300_000);
});

/** The path of the socket in a URL of the server. */
function pathOf(url: string): string {
	return url.slice("redis+unix://".length);
}
