/**
 * Installs the C library for programs in other languages: the library under its SONAME, the headers, and a file for
 * pkg-config.
 *
 *   bun scripts/install_native.ts <prefix>
 */
import {
	cpSync,
	existsSync,
	globSync,
	mkdirSync,
	readFileSync,
	renameSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { basename, join, resolve } from "node:path";
import { commandLine } from "./lib/command_line.ts";
import { root } from "./lib/repository.ts";
import { libraryName } from "./lib/targets.ts";

const { prefix: given } = commandLine({
	name: "bun run install:native",
	parameters: ["<prefix>"],
	help: {
		description:
			"Installs the C library, its headers and a file for pkg-config under a prefix, for example /usr/local.",
	},
})._;
const prefix = resolve(given);
const platform = process.platform === "darwin" ? "darwin" : "linux";
const plainName = platform === "darwin" ? "libipc.dylib" : "libipc.so";
const soname = basename(libraryName[platform]);
const built = join(root, "native/build", plainName);
const lib = join(prefix, "lib");
const include = join(prefix, "include/libipc");

function fail(message: string): never {
	console.error(message);
	process.exit(1);
}

/** Puts a file or link in its place when it is whole: a program that starts meanwhile gets the old one or the new one. */
function replace(target: string, make: (temporary: string) => void): void {
	const temporary = `${target}.${process.pid}`;
	rmSync(temporary, { force: true });
	make(temporary);
	renameSync(temporary, target);
}

if (!existsSync(built)) fail(`${built} is missing: run \`bun run build\` first.`);
// The C++ library cpp-ipc has the same library name and the same folder of headers, with files of the same names.
if (existsSync(join(include, "ipc.h")))
	fail(
		`${include} has the headers of cpp-ipc, another library of this name, and would be mixed with these: use another prefix.`,
	);

const { version } = JSON.parse(readFileSync(join(root, "packages/libipc/package.json"), "utf8")) as { version: string };
const pkgConfig = `prefix=${prefix}
libdir=\${prefix}/lib
includedir=\${prefix}/include

Name: libipc
Description: Messages, locks and shared memory between the processes of one machine
Version: ${version}
Libs: -L\${libdir} -lipc
Cflags: -I\${includedir}
`;

try {
	mkdirSync(join(lib, "pkgconfig"), { recursive: true });
	mkdirSync(include, { recursive: true });
	replace(join(lib, soname), (file) => cpSync(built, file));
	replace(join(lib, plainName), (link) => symlinkSync(soname, link));
	for (const header of globSync(join(root, "native/include/libipc/*.h")))
		replace(join(include, basename(header)), (file) => cpSync(header, file));
	replace(join(lib, "pkgconfig/libipc.pc"), (file) => writeFileSync(file, pkgConfig));
} catch (error) {
	fail(`Nothing more was installed in ${prefix}: ${error instanceof Error ? error.message : error}`);
}
console.log(`installed ${join(lib, soname)}, ${include} and ${join(lib, "pkgconfig/libipc.pc")}`);
