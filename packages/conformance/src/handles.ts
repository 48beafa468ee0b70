export { badTimeouts, longTimeouts, untyped } from "@libipc/testing/bad_values";
export { expectRecoveries, expectTook, RECOVERY_MS, took, turn, until } from "@libipc/testing/timing";
export { expectError, expectRejection } from "./expect_error.ts";
export { Names as HandleNames } from "./names.ts";
