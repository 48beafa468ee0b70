import { testLock } from "./testing/lock_tests.ts";

testLock("mutex");
