/**
 * `libipc/codecs/flatbuffers`.
 *
 * @module libipc/codecs/flatbuffers
 */
export * from "@libipc/core/codecs/flatbuffers";
