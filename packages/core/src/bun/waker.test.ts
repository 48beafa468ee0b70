import { dlopen, ptr } from "bun:ffi";
import { expect } from "bun:test";
import { readdirSync, readlinkSync } from "node:fs";
import { testUnless } from "@libipc/testing/test_unless";
import { library } from "./library.ts";
import { openWaker } from "./waker.ts";

const SOL_SOCKET = 1;
const SO_DETACH_FILTER = 27;
const AF_UNIX = 1;
const SOCK_DGRAM = 2;

/** What each open descriptor leads to. The directory that is read is open itself, and gone afterwards. */
function descriptors(): Map<number, string> {
	const found = new Map<number, string>();
	for (const fd of readdirSync("/proc/self/fd")) {
		try {
			found.set(Number(fd), readlinkSync(`/proc/self/fd/${fd}`));
		} catch {
			// It was the descriptor of the directory.
		}
	}
	return found;
}

const until = async (condition: () => boolean): Promise<void> => {
	while (!condition()) await Bun.sleep(1);
};

testUnless(process.platform !== "linux", "The numbers of sockets and of their options are those of Linux.")(
	"a waker that an empty datagram has reached is replaced, and signals arrive again",
	async () => {
		const { symbols: libc, close } = dlopen("libc.so.6", {
			setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
			socket: { args: ["i32", "i32", "i32"], returns: "i32" },
			sendto: { args: ["i32", "ptr", "usize", "i32", "ptr", "u32"], returns: "i64" },
			close: { args: ["i32"], returns: "i32" },
		});
		let signals = 0;
		const before = descriptors();
		const waker = openWaker(() => signals++);
		const signal = (): void => library().symbols.ipc_waker_signal(waker.low, waker.high);
		try {
			const zero = new Int32Array(1);
			// As on a system that refuses the filter.
			const detached = [...descriptors()]
				.filter(([fd, target]) => before.get(fd) !== target)
				.filter(([fd]) => libc.setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, ptr(zero), 4) === 0);
			expect(detached).toHaveLength(1);
			signal();
			await until(() => signals === 1);
			const first = waker.low;
			const number = (BigInt(waker.high) << 32n) | BigInt(waker.low);
			const path = `/dev/shm/libipc-wake.${number.toString(16).padStart(16, "0")}\0`;
			const address = new TextEncoder().encode(`\0\0${path}`);
			address[0] = AF_UNIX;
			const stranger = libc.socket(AF_UNIX, SOCK_DGRAM, 0);
			expect(Number(libc.sendto(stranger, ptr(address), 0, 0, ptr(address), address.length))).toBe(0);
			libc.close(stranger);
			await until(() => waker.low !== first);
			const after = signals;
			signal();
			await until(() => signals > after);
		} finally {
			waker.close();
			close();
		}
	},
);
