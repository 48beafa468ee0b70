/**
 * WHATWG and Node streams over endpoints: `libipc/streams`.
 *
 * @module libipc/streams
 */
export * from "@libipc/core/streams";
