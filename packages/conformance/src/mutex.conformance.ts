import assert from "node:assert/strict";
import { test } from "./harness.ts";
import { lockFixture } from "./lock_fixture.ts";
import { Mutex } from "./under_test.ts";

const { names, prefix } = lockFixture("mutex", "held");

test("mutex.held says whether this handle holds the mutex", async () => {
	const name = names.next();
	const mutex = Mutex.open(name, { prefix });
	using other = Mutex.open(name, { prefix });
	assert.equal(mutex.held, false);
	mutex.lock();
	assert.deepEqual([mutex.held, other.held], [true, false]);
	mutex.unlock();
	assert.equal(mutex.held, false);
	using guard = await mutex.acquireAsync();
	assert.deepEqual([mutex.held, other.held], [true, false]);
	guard.release();
	assert.equal(mutex.held, false);
	mutex.lock();
	mutex.close();
	assert.deepEqual([mutex.held, other.held], [false, false]);
});
