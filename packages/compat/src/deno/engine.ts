import { createNativeEngine } from "@libipc/core/api";
import type { Engine } from "@libipc/protocol";
import { library } from "./library.ts";
import { openWaker } from "./waker.ts";

/** Messages between processes, by the C library through `Deno.dlopen`. */
export const nativeEngine: Engine = createNativeEngine(library, openWaker);
