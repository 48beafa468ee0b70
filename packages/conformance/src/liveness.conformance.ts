/**
 * What a process holds is its as long as it runs, and is given back when it ends: wherever the other processes are, and
 * however it ends.
 */
import assert from "node:assert/strict";
import { CONTAINER, inNamespaces } from "@libipc/testing/namespaces";
import { scale } from "@libipc/testing/scale";
import { DIRECTORY } from "@libipc/testing/segment_files";
import type { TestProgram } from "@libipc/testing/test_program";
import { RECOVERY_MS, sleep } from "@libipc/testing/timing";
import { afterAll, describe, test } from "./harness.ts";
import { givenBack, givenBackWithoutFiles, held, heldWithoutFiles } from "./holdings.ts";
import { instance } from "./instance.ts";
import { Names } from "./names.ts";
import { findSkip } from "./skipped.ts";
import { startProgram } from "./start_program.ts";
import type { Surroundings } from "./surroundings.ts";
import { clear } from "./under_test.ts";

const names = new Names("liveness");

afterAll(() => names.expectNothingLeft());

/** A minute, once. The other instances differ in nothing that has to do with it. */
const STOPPED_MS = instance.runtime === "bun" && !instance.isMixed ? scale(60_000, 5000) : 5000;

/** Where a program runs. */
interface Place extends Surroundings {
	/** A command that starts the program. */
	readonly within?: readonly string[];
	readonly program?: string;
	/** What a watcher enters once both have opened the names. It can open no file then. */
	readonly later?: Surroundings;
}

interface Case {
	readonly title: string;
	readonly holder?: Place;
	readonly watcher?: Place;
	/** Of the names. */
	readonly permissions?: number;
	/** Whether both have the same process id, each in its namespace. */
	readonly samePid?: boolean;
	/** For how long the holder is stopped, in ms, before it ends. */
	readonly stopped?: number;
	/** How the holder ends; without it, by SIGKILL. */
	readonly end?: (holder: TestProgram) => unknown;
}

const start = (program: string, name: string, permissions: number, { within, later, ...before }: Place) =>
	startProgram(
		"everything",
		[program, `${names.prefix}.${name}`, name, permissions, JSON.stringify(before), JSON.stringify(later ?? null)],
		within ? { within } : {},
	);

/** One program holds everything, and ends; another one watches it. */
async function watch(one: Case): Promise<void> {
	const {
		holder: from = {},
		watcher: at = {},
		stopped = 0,
		permissions = 0o666,
		end = (holder) => holder.signal("SIGKILL"),
	} = one;
	const name = names.next();
	await using watcher = start("watches", name, permissions, at);
	const { pid } = await watcher.report<{ pid: number }>();
	await using holder = start(from.program ?? "holds", name, permissions, from);
	const report = await holder.report<{ pid: number }>();
	if (one.samePid) assert.equal(report.pid, pid);
	if (stopped > 0) holder.signal("SIGSTOP");
	assert.deepEqual(await watcher.report<object>(), at.later ? heldWithoutFiles : held);
	assert.equal(await watcher.report<string>(), "waiting");
	await sleep(stopped);
	assert.equal(watcher.hasSaid, false);
	if (stopped > 0) holder.signal("SIGCONT");
	await end(holder);
	const ended = performance.now();
	const got: Record<string, unknown> = {};
	const wanted = at.later ? givenBackWithoutFiles : givenBack;
	for (const _ of Object.keys(wanted)) {
		const [what, value] = await watcher.report<[string, unknown]>();
		got[what] = value;
		assert.ok(performance.now() - ended < RECOVERY_MS, `${what} took ${performance.now() - ended} ms`);
	}
	assert.deepEqual(got, wanted);
	assert.equal(await watcher.exited, 0);
	// What only dead processes had, and what the watcher had no right to remove.
	clear({ prefix: `${names.prefix}.${name}` });
}

async function replace(holder: TestProgram): Promise<void> {
	holder.signal("SIGUSR2");
	assert.equal(await holder.report<string>(), "replaced");
}

/** Each case waits most of the time, so some of them run at the same time. */
const AT_ONCE = 3;

function describeEach(group: string, cases: readonly Case[]): void {
	describe(group, () => {
		for (let first = 0; first < cases.length; first += AT_ONCE)
			testTogether(group, cases.slice(first, first + AT_ONCE));
	});
}

function testTogether(group: string, some: readonly Case[]): void {
	const isSkipped = ({ title }: Case): boolean => findSkip(`${group} > ${title}`) !== undefined;
	let outcomes: Promise<readonly PromiseSettledResult<void>[]> | undefined;
	for (const [i, { title }] of some.entries())
		test(title, async () => {
			outcomes ??= Promise.allSettled(some.map(async (one) => (isSkipped(one) ? undefined : watch(one))));
			const outcome = (await outcomes)[i];
			if (outcome?.status === "rejected") throw outcome.reason;
		}, 180_000);
}

describeEach("a process ends", [
	{ title: "it is killed" },
	{ title: "it was stopped for a long time before it is killed", stopped: STOPPED_MS },
	{
		title: "it is killed, and its parent does not wait for it",
		holder: { within: ["sh", "-c", '"$@" & exec sleep 600', "sh"] },
	},
	{
		title: "and the watcher has no free descriptor",
		watcher: { within: ["sh", "-c", 'ulimit -n 128; exec "$@"', "sh"], later: { noDescriptors: true } },
	},
]);

describeEach("a process is replaced by exec", [
	{ title: "from the thread that holds everything", end: replace },
	{ title: "while a Worker holds everything", holder: { program: "holds in a Worker" }, end: replace },
]);

describeEach("in namespaces", [
	{ title: "the holder has another PID namespace", holder: { within: inNamespaces("pid") } },
	{ title: "the watcher has another PID namespace", watcher: { within: inNamespaces("pid") } },
	{
		title: "both have one, with equal process and thread ids",
		samePid: true,
		holder: { within: inNamespaces("pid") },
		watcher: { within: inNamespaces("pid") },
	},
	{
		title: "the holder is replaced by exec in another PID namespace",
		holder: { within: inNamespaces("pid") },
		end: replace,
	},
	{ title: "the holder has another time namespace", holder: { within: inNamespaces("time") } },
	{ title: "the watcher has another time namespace", watcher: { within: inNamespaces("time") } },
	{
		title: "two containers: PID, mount, network, time and user namespaces",
		holder: { within: inNamespaces(...CONTAINER) },
		watcher: { within: inNamespaces(...CONTAINER) },
	},
	{
		title: "the watcher may not see processes of others: another user, and /proc mounted with hidepid=2",
		holder: { user: 65_533 },
		watcher: {
			within: inNamespaces("mount"),
			command: "mount -t proc -o hidepid=2 proc /proc",
			user: 65_534,
		},
	},
	{
		title: "there is no /proc",
		holder: { within: inNamespaces("mount"), command: "mount -t tmpfs none /proc" },
		watcher: { within: inNamespaces("mount"), command: "mount -t tmpfs none /proc" },
	},
	{
		title: "the watcher has become another user, who may not open the names",
		permissions: 0o600,
		watcher: { later: { user: 65_534 } },
	},
	{
		title: "something is mounted over the watcher's storage",
		watcher: { within: inNamespaces("mount"), later: { command: `mount -t tmpfs none ${DIRECTORY}` } },
	},
]);
