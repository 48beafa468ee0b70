import { expect, test } from "bun:test";
import { rejection, rejectionCode } from "@libipc/testing/outcome";
import { TestProgram } from "@libipc/testing/test_program";
import { until } from "@libipc/testing/timing";
import * as library from "libipc";
import { Service } from "libipc/service";
import { OpenedService } from "./opened_service.ts";
import { ServiceCaller } from "./service_caller.ts";
import { checkConnect } from "./service_options.ts";

const prefix = `unserved${process.pid}`;
const NO_TIMEOUT = { timeout: -1, signal: undefined };
const TIMEOUT = { timeout: 60_000, signal: undefined };

test("without a server, a call waits for its timeout, and one without a timeout for ten seconds", async () => {
	const { waitForServer, ...options } = checkConnect("waits", {});
	expect(waitForServer).toEqual({ withTimeout: Infinity, without: 10_000 });
	const service = new OpenedService(library, "waits", { prefix }, "sender");
	const caller = new ServiceCaller(service, { ...options, waitForServer: { withTimeout: Infinity, without: 300 } });
	const first = caller.call("note", ["first"], TIMEOUT);
	const short = caller.call("note", ["short"], NO_TIMEOUT);
	const more = Array.from({ length: 100 }, (_, i) => caller.call("note", [i], TIMEOUT));
	expect(await rejectionCode(short)).toBe("ERR_IPC_NO_SERVER");
	// The requests of the others are in the queue again, in their order; that of the call that has failed is not run.
	const notes: unknown[] = [];
	const server = Service.serve("waits", { note: (value: unknown) => void notes.push(value) }, { prefix });
	await Promise.all([first, ...more]);
	expect(notes).toEqual(["first", ...more.keys()]);
	expect(caller.pending).toBe(0);
	caller.close();
	server.close();
	expect(library.list({ prefix })).toEqual([]);
});

test("calls that the program has given up are not run by a later server", async () => {
	using client = Service.connect("given-up", { prefix });
	const channel = (): string => library.list({ prefix }).find(({ kind }) => kind === "channel")?.name ?? "";
	const before = channel();
	const abort = new AbortController();
	const call = client.$with({ signal: abort.signal }).$call("note", ["given up"]);
	abort.abort("enough");
	expect(await rejection(call)).toBe("enough");
	await until(() => channel() !== before);
	const notes: unknown[] = [];
	using _server = Service.serve("given-up", { note: (value: unknown) => void notes.push(value) }, { prefix });
	await client.$call("note", ["later"]);
	expect(notes).toEqual(["later"]);
});

test("a server that is killed between two looks of its client is noticed", async () => {
	using client = Service.connect("crashes", { prefix, waitForServer: true });
	// It joins and dies in a few milliseconds, after the client has begun to wait.
	const call = rejectionCode(client.$call("crash"));
	await using program = new TestProgram(
		new URL("testing/crashing_server.process.ts", import.meta.url),
		[prefix, "crashes"],
		{ transport: "processes" },
	);
	await program.exited;
	expect(await call).toBe("ERR_IPC_PEER_DIED");
	client.$close();
	expect(library.list({ prefix })).toEqual([]);
}, 30_000);
