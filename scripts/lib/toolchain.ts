import { spawnSync } from "node:child_process";

const INSTALL = `No C compiler was found: tried $CC, cc, gcc and clang. Install one:
  Debian, Ubuntu   apt-get install gcc libc6-dev
  Fedora           dnf install gcc
  Alpine           apk add gcc musl-dev
  Arch             pacman -S gcc
  macOS            xcode-select --install
or set CC to the path of a C11 compiler.`;

/** The C compiler to use: `$CC`, else the first of cc, gcc and clang that runs. */
export function findCompiler(): string {
	const chosen = process.env.CC;
	for (const candidate of chosen ? [chosen] : ["cc", "gcc", "clang"])
		if (spawnSync(candidate, ["--version"], { stdio: "ignore" }).status === 0) return candidate;
	if (chosen)
		throw new Error(`CC is set to "${chosen}", which does not run. Correct it, or unset it to use cc, gcc or clang.`);
	throw new Error(INSTALL);
}

/** What every C file of the project is compiled with. */
export const commonFlags = [
	"-std=c11",
	"-Wall",
	"-Wextra",
	"-Wshadow",
	"-Wconversion",
	"-Inative/include",
	"-Inative/src",
];

/** What the library and the C programs it is compared with are optimised with: the same for both. */
export const releaseFlags = [...commonFlags, "-O3", "-fno-plt"];

/** Libraries to link: old glibc has shm_open in librt; musl and newer glibc have an empty one. */
export const linkFlags = process.platform === "darwin" ? [] : ["-lrt", "-pthread"];
