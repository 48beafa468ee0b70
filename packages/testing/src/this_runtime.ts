/**
 * The command that starts the runtime of this process again: the path of a program follows. A runtime for another processor cannot be
 * started by the kernel, only by `$RUNNER`, for example `qemu-aarch64-static -L /usr/aarch64-linux-gnu`.
 */
export const thisRuntime: readonly string[] = [
	...(process.env.RUNNER ?? "").split(" ").filter(Boolean),
	process.execPath,
	...(process.versions.deno ? ["run", "--allow-all", "--no-check"] : []),
];
