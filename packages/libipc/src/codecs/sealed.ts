/**
 * Sealed messages: `libipc/codecs/sealed`.
 *
 * @module libipc/codecs/sealed
 */
export * from "@libipc/core/codecs/sealed";
