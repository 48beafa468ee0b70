import type { EndpointKind, EngineOptions } from "@libipc/protocol";
import { openFailure } from "../check/open_failure.ts";
import type { Address } from "./declarations.ts";
import { NativeFailure } from "./failure.ts";
import { openDespiteKept } from "./kept.ts";
import type { NativeLibrary } from "./library.ts";
import { nativeOptions, terminated } from "./options.ts";

type Open = (
	library: NativeLibrary,
	kind: EndpointKind,
	prefix: string,
	name: string,
	options: EngineOptions,
) => Address;

const opener =
	(open: "ipc_sender_open" | "ipc_sender_open_successor" | "ipc_receiver_open"): Open =>
	(library, kind, prefix, name, options) => {
		const native = nativeOptions(kind, options);
		return openDespiteKept(library, () => {
			const failure = new NativeFailure();
			const answer = library.symbols[open](terminated(prefix), terminated(name), native, failure.bytes);
			const handle = library.address(answer);
			if (handle === null) throw openFailure(failure, kind, prefix, name, "open", options.codec);
			return handle;
		});
	};

/**
 * Opens the native object of a sender.
 *
 * @internal
 */
export const openNativeSender: Open = opener("ipc_sender_open");

/**
 * Opens the native object of a sender of a route that may have another one.
 *
 * @internal
 */
export const openNativeSuccessor: Open = opener("ipc_sender_open_successor");

/**
 * Opens the native object of a receiver.
 *
 * @internal
 */
export const openNativeReceiver: Open = opener("ipc_receiver_open");
