/**
 * The library without the FFI of a runtime. `createApi` builds the public API on an engine. The other exports are the parts that
 * `@libipc/compat` builds its engines from.
 *
 * @module @libipc/core/api
 */
export { describe } from "./check/argument.ts";
export { bufferLengthOf, isSharedArrayBuffer, sharedBuffer, viewOfBytes } from "./check/bytes.ts";
export { type OpenFailure, openFailure } from "./check/open_failure.ts";
export { closeAtExit } from "./close_at_exit.ts";
export { type Api, createApi } from "./create_api.ts";
export { environmentVariable } from "./environment_variable.ts";
export { type Address, declarations, type Symbols } from "./native/declarations.ts";
export { createNativeEngine } from "./native/engine.ts";
export { mapMemory, type NativeLibrary } from "./native/library.ts";
export { loadLibrary } from "./native/load_library.ts";
export { loadNativeFile } from "./native/load_native_file.ts";
export { openNativeReceiver, openNativeSender, openNativeSuccessor } from "./native/open.ts";
export * from "./public_types.ts";
