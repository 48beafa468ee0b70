import { createNativeEngine, type Engine } from "@libipc/protocol";
import { library } from "./library.ts";
import { openWaker } from "./native_waker.ts";

/** Messages between processes, by the C library through node:ffi. */
export const nativeEngine: Engine = createNativeEngine(library, openWaker);
