import type { Engine } from "@libipc/protocol";
import { createNativeEngine } from "../native/engine.ts";
import { library } from "./library.ts";
import { openWaker } from "./waker.ts";

/** Messages between processes, by the C library through bun:ffi. */
export const nativeEngine: Engine = createNativeEngine(library, openWaker);
