/**
 * Messages, locks and shared memory between processes, and between the threads of a process. In Bun, `libipc` is
 * `@libipc/core`; in Node and Deno, it is `@libipc/compat`. Both have the same names, the same types and the same errors.
 *
 * @example
 * import { Route } from "libipc";
 *
 * using sender = Route.sender("prices"); // in one process
 * using receiver = Route.receiver("prices"); // in any number of others
 * sender.send("42.17");
 * console.log(new TextDecoder().decode(receiver.recv() ?? undefined)); // 42.17
 *
 * @module libipc
 */
export * from "@libipc/compat";
