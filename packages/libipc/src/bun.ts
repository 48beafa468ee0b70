/**
 * `libipc` in Bun: `@libipc/core`. What there is to know is in `node.ts`, whose types are the package's.
 *
 * @module
 */
export * from "@libipc/core";
