/**
 * The C compiler, and how every part of `native/` is compiled: flags, objects that are compiled again only when something
 * changed, several at once.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { inLanes } from "./lanes.js";
import { run } from "./run.js";
const INSTALL = `No C compiler was found: tried $CC, cc, gcc and clang. Install one:
  Debian, Ubuntu   apt-get install gcc libc6-dev
  Fedora           dnf install gcc
  Alpine           apk add gcc musl-dev
  Arch             pacman -S gcc
  macOS            xcode-select --install
or set CC to the path of a C11 compiler.`;
/** The C compiler to use: `$CC`, or the first of cc, gcc and clang that runs. */
export function findCompiler() {
    const chosen = process.env.CC;
    for (const candidate of chosen ? [chosen] : ["cc", "gcc", "clang"])
        if (spawnSync(candidate, ["--version"], { stdio: "ignore" }).status === 0)
            return candidate;
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
/** What the library and the C programs that it is compared with are optimised with: the same for both. */
export const releaseFlags = [...commonFlags, "-O3", "-fno-plt"];
/** Libraries to link: old glibc has shm_open in librt and dlopen in libdl; musl and newer glibc have empty ones. */
export const linkFlags = process.platform === "darwin" ? [] : ["-lrt", "-ldl", "-pthread"];
/** Compiles one source to an object. */
export function object(source, output, flags) {
    return { output, inputs: [source], args: [...flags, "-MMD", "-MF", `${output}.d`, "-c", source] };
}
/** Links objects to a program or a shared library. */
export function link(objects, output, flags) {
    const inputs = objects.map((each) => each.output);
    return { output, inputs, args: [...flags, ...inputs, ...linkFlags] };
}
/** The headers that the compiler has noted when it made the object. */
function headersOf(output) {
    const file = `${output}.d`;
    if (!existsSync(file))
        return [];
    const [, prerequisites = ""] = readFileSync(file, "utf8").split(/:\s/, 2);
    return prerequisites
        .replaceAll("\\\n", " ")
        .split(/\s+/)
        .filter((name) => name.endsWith(".h"));
}
export class Toolchain {
    compiler;
    #version;
    /** Of files that were read already. A step that makes a file removes it. */
    #hashes = new Map();
    constructor(compiler = findCompiler()) {
        this.compiler = compiler;
        this.#version = spawnSync(compiler, ["--version"], { encoding: "utf8" }).stdout ?? "";
    }
    #hashOf(file) {
        let hash = this.#hashes.get(file);
        if (hash === undefined) {
            hash = existsSync(file) ? createHash("sha256").update(readFileSync(file)).digest("hex") : "missing";
            this.#hashes.set(file, hash);
        }
        return hash;
    }
    /** Differs when the output has to be made again. */
    #stampOf({ output, args, inputs }) {
        const files = [...inputs, ...headersOf(output)].map((file) => [file, this.#hashOf(file)]);
        return createHash("sha256")
            .update(JSON.stringify([this.compiler, this.#version, args, files]))
            .digest("hex");
    }
    /**
     * Makes an output, unless it is there and was made from the same files by the same compiler with the same flags.
     * @returns whether it was made
     */
    async make(step) {
        const { output, args } = step;
        const stamp = `${output}.stamp`;
        if (existsSync(output) && existsSync(stamp) && readFileSync(stamp, "utf8") === this.#stampOf(step))
            return false;
        mkdirSync(dirname(output), { recursive: true });
        rmSync(stamp, { force: true });
        // Made next to its place and then moved: a process that loads it at this moment gets the old file or the new one.
        const temporary = `${output}.${process.pid}`;
        const { status, output: text } = await run([this.compiler, ...args, "-o", temporary]);
        if (status !== 0) {
            rmSync(temporary, { force: true });
            throw new Error(`${this.compiler} could not build ${output}:\n${text}`);
        }
        if (text)
            process.stderr.write(text);
        renameSync(temporary, output);
        this.#hashes.delete(output);
        writeFileSync(stamp, this.#stampOf(step));
        return true;
    }
    /** Makes several outputs, as many at once as there are processors. Returns those that were made. */
    async makeAll(steps) {
        const made = [];
        await inLanes(steps, async (step) => {
            if (await this.make(step))
                made.push(step);
        });
        return made;
    }
}
