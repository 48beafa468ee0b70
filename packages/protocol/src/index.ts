/**
 * `@libipc/protocol`: what C and TypeScript agree on, and what endpoints and engines agree on. No classes but `IpcError`, no
 * input or output.
 *
 * @module
 */
export * as abi from "./abi.ts";
export { hideFramesBeside } from "./caller_stack.ts";
export * from "./engine.ts";
export * from "./error.ts";
export * from "./kinds.ts";
export * from "./layout.ts";
export { LAYOUT_HASH } from "./layout_hash.ts";
export * from "./limits.ts";
export * from "./listed.ts";
export * from "./status.ts";
export * from "./words.ts";
