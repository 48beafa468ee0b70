/**
 * Codecs that need no other package: `libipc/codecs`.
 *
 * @module libipc/codecs
 */
export * from "@libipc/core/codecs";
