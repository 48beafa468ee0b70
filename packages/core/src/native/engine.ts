import { type Engine, Kind } from "@libipc/protocol";
import { openFailure } from "../check/open_failure.ts";
import { NativeFailure } from "./failure.ts";
import { openNativeHandles } from "./handles.ts";
import type { NativeLibrary } from "./library.ts";
import { openNativeLists } from "./list.ts";
import { openNativeReceiver, openNativeSender, openNativeSuccessor } from "./open.ts";
import { terminated } from "./options.ts";
import { NativeReceiver } from "./receiver.ts";
import { NativeSender } from "./sender.ts";
import { storageDirectory } from "./storage.ts";

/**
 * Builds the engine that uses the C library. A runtime provides the two parts that differ between runtimes: the library, loaded
 * by its FFI at the first use, and wakers that its event loop polls.
 *
 * @internal
 */
export function createNativeEngine(library: () => NativeLibrary, openWaker: Engine["openWaker"]): Engine {
	return {
		openSender(...name) {
			const loaded = library();
			return new NativeSender(loaded, openNativeSender(loaded, ...name));
		},

		openSuccessor(...name) {
			const loaded = library();
			return new NativeSender(loaded, openNativeSuccessor(loaded, "route", ...name));
		},

		openReceiver(...name) {
			const loaded = library();
			return new NativeReceiver(loaded, openNativeReceiver(loaded, ...name));
		},

		clear(kind, prefix, name) {
			const failure = new NativeFailure();
			const { ipc_clear } = library().symbols;
			const status = ipc_clear(terminated(prefix), terminated(name), Kind[kind], failure.bytes);
			if (status < 0) throw openFailure(failure, kind, prefix, name, "clear");
		},

		...openNativeHandles(library),
		...openNativeLists(library),
		info: () => ({ name: "native", reason: "", directory: storageDirectory(library()) }),
		now: () => library().symbols.ipc_now_ns(),
		openWaker,
	};
}
