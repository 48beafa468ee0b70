/**
 * `libipc` in Bun: `@libipc/core`. The types and the documentation of the package are those of `node.ts`.
 *
 * @module
 */
export * from "@libipc/core";
