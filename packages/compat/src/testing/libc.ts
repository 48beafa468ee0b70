import { dlopen, type Pointer, ptr, toArrayBuffer } from "bun:ffi";

/** The functions of the system's C library with which tests in Bun share memory with another process. Linux only. */
const { symbols } = dlopen("libc.so.6", {
	mmap: { args: ["usize", "usize", "i32", "i32", "i32", "i64"], returns: "ptr" },
	flock: { args: ["i32", "i32"], returns: "i32" },
	syscall: { args: ["i64", "ptr", "i32", "i32", "ptr", "usize", "i32"], returns: "i32" },
	socket: { args: ["i32", "i32", "i32"], returns: "i32" },
	sendto: { args: ["i32", "ptr", "usize", "i32", "ptr", "u32"], returns: "i32" },
});

const FUTEX = process.arch === "x64" ? 202 : 98;
const FUTEX_WAIT = 0;
const FUTEX_WAKE = 1;
const READ_WRITE = 3;
const MAP_SHARED = 1;
const LOCK_NOW = 2 | 4;
const UNLOCK = 8;
const AF_UNIX = 1;
/** SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK */
const DATAGRAMS = 2 | 0o2000000 | 0o4000;
/** MSG_DONTWAIT | MSG_NOSIGNAL */
const QUIETLY = 0x40 | 0x4000;

/** Maps all of a file. It stays mapped. */
export function mapFile(fd: number, byteLength: number): ArrayBuffer {
	const address = symbols.mmap(0, byteLength, READ_WRITE, MAP_SHARED, fd, 0);
	if (address === null || Number(address) === -1) throw new Error("mmap failed");
	return toArrayBuffer(address as Pointer, 0, byteLength);
}

/** Takes the lock of a file if it is free. */
export const tryLockFile = (fd: number): boolean => symbols.flock(fd, LOCK_NOW) === 0;
export const unlockFile = (fd: number): void => void symbols.flock(fd, UNLOCK);

const time = new BigInt64Array(2);

const addressOf = (words: Int32Array, index: number): Pointer =>
	(ptr(words.buffer as ArrayBuffer) + words.byteOffset + index * 4) as Pointer;

/** Sleeps while a word is `expected`. */
export function futexWait(words: Int32Array, index: number, expected: number, milliseconds: number): void {
	const most = Math.min(milliseconds, 60_000);
	time[0] = BigInt(Math.floor(most / 1000));
	time[1] = BigInt(Math.floor((most % 1000) * 1e6));
	symbols.syscall(FUTEX, addressOf(words, index), FUTEX_WAIT, expected, ptr(time), 0, 0);
}

export function futexWakeAll(words: Int32Array, index: number): void {
	symbols.syscall(FUTEX, addressOf(words, index), FUTEX_WAKE, 0x7fffffff, null, 0, 0);
}

let socket = -1;

/** Signals a waker of the native engine: a socket with a file. */
export function signalSocket(low: number, high: number): void {
	if (socket < 0) socket = symbols.socket(AF_UNIX, DATAGRAMS, 0);
	const number = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
	const name = new TextEncoder().encode(`\0\0/dev/shm/libipc-wake.${number.toString(16).padStart(16, "0")}\0`);
	name[0] = AF_UNIX;
	symbols.sendto(socket, ptr(name), 1, QUIETLY, ptr(name), name.length);
}
