/**
 * `libipc` in Deno: `@libipc/compat`. The types and the documentation of the package are those of `node.ts`.
 *
 * @module
 */
export * from "@libipc/compat";
