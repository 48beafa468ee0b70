/**
 * `libipc`: one import for both runtimes. In Bun it is `@libipc/core`, elsewhere `@libipc/compat`: the same names, the
 * same types, the same errors.
 *
 * @example
 * import { Route } from "libipc";
 *
 * const sender = Route.sender("prices");
 * sender.waitForReceivers(1);
 * sender.send("42.17");
 *
 * @module
 */
export * from "@libipc/compat";
