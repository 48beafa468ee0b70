/**
 * `libipc/codecs/protobuf`.
 *
 * @module libipc/codecs/protobuf
 */
export * from "@libipc/core/codecs/protobuf";
