import { library } from "@libipc/core/bun";
import { Mutex, RwLock, Semaphore, Signal } from "libipc";
import { AtomicsLock } from "./atomics_lock.ts";

/** Does as many pairs. */
export type Pairs = (count: number) => void;

/** Lock and unlock from TypeScript without competition. Each kind has its own process: its code is compiled for one use. */
export const pairs = {
	mutex(prefix) {
		const mutex = Mutex.open("pairs", { prefix });
		return (count) => {
			for (let i = 0; i < count; i++) {
				mutex.lock();
				mutex.unlock();
			}
		};
	},
	guard(prefix) {
		const mutex = Mutex.open("pairs", { prefix });
		return (count) => {
			for (let i = 0; i < count; i++) {
				using _guard = mutex.acquire();
			}
		};
	},
	"rwlock-shared"(prefix) {
		const lock = RwLock.open("pairs", { prefix });
		return (count) => {
			for (let i = 0; i < count; i++) {
				lock.lockShared();
				lock.unlockShared();
			}
		};
	},
	rwlock(prefix) {
		const lock = RwLock.open("pairs", { prefix });
		return (count) => {
			for (let i = 0; i < count; i++) {
				lock.lock();
				lock.unlock();
			}
		};
	},
	semaphore: (prefix) => permits(Semaphore.open("pairs", { prefix })),
	"semaphore-robust": (prefix) => permits(Semaphore.open("pairs", { prefix, robust: true })),
	/** A notification, and the listener takes the id: nobody sleeps. */
	signal(prefix) {
		const notifier = Signal.open("pairs", { prefix, listen: false });
		const listener = Signal.open("pairs", { prefix });
		return (count) => {
			for (let i = 0; i < count; i++) {
				notifier.notify(i & 63);
				listener.tryWait();
			}
		};
	},
	atomics() {
		const lock = new AtomicsLock(new Int32Array(new SharedArrayBuffer(4)));
		return (count) => {
			for (let i = 0; i < count; i++) {
				lock.lock();
				lock.unlock();
			}
		};
	},
	/** What any two calls into native code cost. */
	calls() {
		const { ipc_abi_version } = library().symbols;
		return (count) => {
			for (let i = 0; i < count; i++) {
				ipc_abi_version();
				ipc_abi_version();
			}
		};
	},
} as const satisfies Record<string, (prefix: string) => Pairs>;

export type PairKind = keyof typeof pairs;

function permits(semaphore: Semaphore): Pairs {
	return (count) => {
		for (let i = 0; i < count; i++) semaphore.acquire().release();
	};
}
