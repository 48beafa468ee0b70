import type { Api } from "../create_api.ts";

/** The part of libipc that the web's interfaces are built on. */
export type WebLibrary = Pick<Api, "Channel" | "Mutex" | "SharedMemory" | "list">;
