import assert from "node:assert/strict";
import { HandleNames } from "./handles.ts";
import { afterEach, test } from "./harness.ts";
import { testLock } from "./lock_tests.ts";
import { Mutex } from "./under_test.ts";

testLock("mutex");

const names = new HandleNames("held");
const { prefix } = names;

afterEach(() => names.expectNothingLeft());

test("held tells whether this handle holds it", async () => {
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
