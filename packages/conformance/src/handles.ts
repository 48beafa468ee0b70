export { badTimeouts, longTimeouts, untyped } from "@libipc/testing/bad_values";
export { expectError, expectRejection } from "@libipc/testing/ipc_errors";
export { expectRecoveries, expectTook, RECOVERY_MS, took, turn, until } from "@libipc/testing/timing";
export { Names as HandleNames } from "./names.ts";
