import type { Engine, EngineHandleOptions, HandleKind } from "@libipc/protocol";
import { openFailure } from "../check/open_failure.ts";
import { NativeCondition } from "./condition.ts";
import { NativeFailure } from "./failure.ts";
import type { NativeClass } from "./handle.ts";
import { openDespiteKept } from "./kept.ts";
import { latestClassOf } from "./latest.ts";
import type { NativeLibrary } from "./library.ts";
import { NativeMemory } from "./memory.ts";
import { NativeMutex } from "./mutex.ts";
import { nativeHandleOptions, terminated } from "./options.ts";
import { NativeRwLock } from "./rwlock.ts";
import { semaphoreClassOf } from "./semaphore.ts";
import { signalClassOf } from "./signal.ts";

/** A class that is made when the first handle is opened: an engine has one library. */
function onceFor<SomeHandle>(
	make: (library: NativeLibrary) => NativeClass<SomeHandle>,
): (library: NativeLibrary) => NativeClass<SomeHandle> {
	let made: NativeClass<SomeHandle> | undefined;
	return (library) => {
		made ??= make(library);
		return made;
	};
}

/** What the native engine opens in addition to rings. */
export function openNativeHandles(
	library: () => NativeLibrary,
): Pick<
	Engine,
	| "openMutex"
	| "openCondition"
	| "openSemaphore"
	| "openRwLock"
	| "openMemory"
	| "openSignal"
	| "openLatest"
	| "keptBytes"
> {
	const open = <SomeHandle>(
		kind: HandleKind,
		prefix: string,
		name: string,
		options: EngineHandleOptions,
		classOf: (library: NativeLibrary) => NativeClass<SomeHandle>,
	): SomeHandle => {
		const loaded = library();
		const native = nativeHandleOptions(kind, options);
		const { ipc_handle_open } = loaded.symbols;
		const handle = openDespiteKept(loaded, () => {
			const failure = new NativeFailure();
			const answer = loaded.address(ipc_handle_open(terminated(prefix), terminated(name), native, failure.bytes));
			if (answer === null) throw openFailure(failure, kind, prefix, name, "open", options.codec);
			return answer;
		});
		const Opened = classOf(loaded);
		return new Opened(loaded, handle, prefix, name);
	};
	const classOfSemaphore = onceFor(semaphoreClassOf);
	const classOfSignal = onceFor(signalClassOf);
	const classOfLatest = onceFor(latestClassOf);
	return {
		openLatest: (prefix, name, options) => open("latest", prefix, name, options, classOfLatest),
		openMutex: (prefix, name, options) => open("mutex", prefix, name, options, () => NativeMutex),
		openCondition: (prefix, name, options) => open("condition", prefix, name, options, () => NativeCondition),
		openSemaphore: (prefix, name, options) => open("semaphore", prefix, name, options, classOfSemaphore),
		openRwLock: (prefix, name, options) => open("rwlock", prefix, name, options, () => NativeRwLock),
		openMemory: (prefix, name, options) => open("memory", prefix, name, options, () => NativeMemory),
		openSignal: (prefix, name, options) => open("signal", prefix, name, options, classOfSignal),
		keptBytes: () => library().symbols.ipc_memory_kept_bytes(),
	};
}
