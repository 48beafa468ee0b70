/**
 * The systems that libipc is published for. `<platform>-<arch>` are `process.platform` and `process.arch`; Linux has a second C
 * library, musl.
 */
import { ABI_VERSION } from "../../packages/protocol/src/abi.ts";
import { readSharedObject } from "./read_shared_object.ts";

type Platform = "linux" | "darwin";

export interface Target {
	readonly name: string;
	readonly platform: Platform;
	/** As `process.arch`. */
	readonly arch: "x64" | "arm64";
	readonly isMusl: boolean;
	/** As Zig names it, with the oldest system that the result runs on. */
	readonly triple: string;
	/** The file name of the C library. */
	readonly library: string;
}

/** The oldest glibc: of CentOS 7 and Debian 8. */
export const GLIBC_FLOOR = "2.17";
/** The first macOS with `__ulock_wait2`. */
export const MACOS_FLOOR = "11.0";

const libraryOf: Readonly<Record<Platform, string>> = { linux: "libipc.so", darwin: "libipc.dylib" };

const target = (platform: Platform, arch: Target["arch"], triple: string): Target => {
	const isMusl = triple.endsWith("-musl");
	const name = `${platform}-${arch}${isMusl ? "-musl" : ""}`;
	return { name, platform, arch, isMusl, triple, library: libraryOf[platform] };
};

export const targets: readonly Target[] = [
	target("linux", "x64", `x86_64-linux-gnu.${GLIBC_FLOOR}`),
	target("linux", "arm64", `aarch64-linux-gnu.${GLIBC_FLOOR}`),
	target("linux", "x64", "x86_64-linux-musl"),
	target("linux", "arm64", "aarch64-linux-musl"),
	target("darwin", "x64", `x86_64-macos.${MACOS_FLOOR}`),
	target("darwin", "arm64", `aarch64-macos.${MACOS_FLOOR}`),
];

/** The file name of the Node-API addon, on every target. */
export const ADDON = "libipc_node.node";

/** The files of a target: in `native/build/cross/<target>/` and, published, in `native/<target>/`. */
export const filesOf = ({ library }: Target): readonly string[] => [library, ADDON];

/**
 * The name that the C library has inside, and by which programs that are linked with it look for it: it changes with the ABI, so
 * that a program never loads a library with other functions.
 */
export const libraryName: Readonly<Record<Platform, string>> = {
	linux: `libipc.so.${ABI_VERSION}`,
	darwin: `@rpath/libipc.${ABI_VERSION}.dylib`,
};

/** The target that a library was built for; undefined: it is not one of ours. */
export function targetOfLibrary(bytes: Uint8Array): Target | undefined {
	const { platform, arch, needed } = readSharedObject(bytes);
	// glibc is libc.so.6. musl is libc.so or libc.musl-x86_64.so.1.
	const isMusl = platform === "linux" && !needed.includes("libc.so.6");
	return targets.find((each) => each.platform === platform && each.arch === arch && each.isMusl === isMusl);
}
