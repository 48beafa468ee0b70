/**
 * Formats the C and C++ files with the clang-format that tools/clang-format pins, as .clang-format says.
 *
 *   bun scripts/format_c.ts [--check]
 */
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { join } from "node:path";
import { commandLine } from "./lib/command_line.ts";
import { root } from "./lib/repository.ts";
import { toolFolder } from "./lib/tool.ts";

process.chdir(root);

const { flags } = commandLine({
	name: "bun scripts/format_c.ts",
	flags: { check: { type: Boolean, description: "change nothing; fail if a file is not formatted", default: false } },
});

const files = globSync([
	"native/{include,src,node_api,test,fault,fuzz,bench,model,targets}/**/*.{c,h}",
	"chaos/*.c",
	"examples/native/*.{c,cpp}",
	"packages/libipc/src/testing/cpp_ipc/**/*.h",
]).sort();
const mode = flags.check ? ["--dry-run", "--Werror"] : ["-i"];
const clangFormat = join(toolFolder("clang-format"), "node_modules/clang-format-node/build/cli.js");
const { status, error } = spawnSync(process.execPath, [clangFormat, ...mode, ...files], { stdio: "inherit" });
if (error) throw error;
if (status !== 0) console.error("Run bun scripts/format_c.ts.");
else if (flags.check) console.log(`Checked the format of ${files.length} C files.`);
process.exit(status ?? 1);
