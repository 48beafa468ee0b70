/**
 * `libipc/codecs/msgpack`.
 *
 * @module libipc/codecs/msgpack
 */
export * from "@libipc/core/codecs/msgpack";
