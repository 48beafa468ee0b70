import { afterEach, expect, test } from "bun:test";
import { Mutex } from "./index.ts";
import { HandleNames } from "./testing/handles.ts";
import { testLock } from "./testing/lock_tests.ts";

testLock("mutex");

const names = new HandleNames("held");
const { prefix } = names;

afterEach(() => names.expectNothingLeft());

test("held tells whether this handle holds it", async () => {
	const name = names.next();
	const mutex = Mutex.open(name, { prefix });
	using other = Mutex.open(name, { prefix });
	expect(mutex.held).toBe(false);
	mutex.lock();
	expect([mutex.held, other.held]).toEqual([true, false]);
	mutex.unlock();
	expect(mutex.held).toBe(false);
	using guard = await mutex.acquireAsync();
	expect([mutex.held, other.held]).toEqual([true, false]);
	guard.release();
	expect(mutex.held).toBe(false);
	mutex.lock();
	mutex.close();
	expect([mutex.held, other.held]).toEqual([false, false]);
});
