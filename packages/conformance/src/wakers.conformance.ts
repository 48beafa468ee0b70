/** Event loops are woken by signals wherever the processes are. A poll, every 0.7 s, would find messages too, but late. */
import assert from "node:assert/strict";
import { inNamespaces } from "@libipc/testing/namespaces";
import { text } from "@libipc/testing/text";
import { afterEach, describe, test } from "./harness.ts";
import { Names } from "./names.ts";
import { startProgram } from "./start_program.ts";
import { Channel } from "./under_test.ts";

const names = new Names("wakers");
const { prefix } = names;

afterEach(() => names.expectNothingLeft());

/** So many round trips take more than this if each direction waits for a poll: at least half an interval, on average. */
const ROUND_TRIPS = 40;
const POLLED_MS = ROUND_TRIPS * 700;

/** Both event loops sleep when a message comes. */
async function exchange(within: readonly string[]): Promise<void> {
	const name = names.next();
	using requests = Channel.sender(`${name}.requests`, { prefix });
	using answers = Channel.receiver(`${name}.answers`, { prefix });
	await using echo = startProgram("echo", [prefix, name, ROUND_TRIPS], { within });
	assert.equal(await echo.line(), "ready");
	await requests.receiversReady(1);
	const start = performance.now();
	for (let i = 0; i < ROUND_TRIPS; i++) {
		const answer = answers.recvAsync();
		await requests.sendAsync(`${i}`);
		assert.equal(text(await answer), `${i}`);
	}
	const took = performance.now() - start;
	assert.ok(took < POLLED_MS / 2, `${ROUND_TRIPS} round trips took ${took} ms`);
	assert.equal(await echo.exited, 0);
}

test("event loops of two programs wake each other", () => exchange([]), 60_000);

describe("in namespaces", () => {
	test("event loops of two network namespaces wake each other", () => exchange(inNamespaces("network")), 60_000);
	test("and of two mount and network namespaces", () => exchange(inNamespaces("mount", "network")), 60_000);
});
