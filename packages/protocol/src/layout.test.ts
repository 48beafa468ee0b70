import { expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { commonFlags, findCompiler } from "../../../scripts/lib/toolchain.ts";
import * as kinds from "./kinds.ts";
import * as layout from "./layout.ts";
import { limits } from "./limits.ts";

// Others may be using the machine, too.
setDefaultTimeout(60_000);

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** What the values of a C program's expressions are, by that C program. */
function evaluate(expressions: readonly string[]): number[] {
	const directory = mkdtempSync(join(tmpdir(), "libipc-layout-"));
	try {
		const source = join(directory, "layout.c");
		const program = join(directory, "layout");
		writeFileSync(
			source,
			`#include <stdio.h>
#include "layout.h"
#include "libipc/options.h"
int main(void) {
${expressions.map((expression) => `  printf("%.0f\\n", (double)(${expression}));`).join("\n")}
  return 0;
}
`,
		);
		const compiled = spawnSync(findCompiler(), [...commonFlags, source, "-o", program], {
			cwd: ROOT,
			encoding: "utf8",
		});
		if (compiled.status !== 0) throw new Error(compiled.stderr);
		return spawnSync(program, { encoding: "utf8" }).stdout.trim().split("\n").map(Number);
	} finally {
		rmSync(directory, { recursive: true });
	}
}

/** What C calls a field or an event, where the name in `layout.ts` is another one. */
const inC: Readonly<Record<string, string>> = {
	limit: "write_limit",
	receiver_limit: "receiver_slots_used",
	sender_limit: "sender_slots_used",
	wait_limit: "wait_entries_used",
	MEMBERS: "PEERS",
	TURN: "CLAIM_FREE",
};

const named = (name: string): string => inC[name] ?? name;

function offsets(type: string, fields: Readonly<Record<string, number>>): [string, number][] {
	return Object.entries(fields).map(([name, offset]) => [`offsetof(${type}, ${named(snake(name))})`, offset]);
}

const word = (value: number): number => value >>> 0;

const pairs: readonly [string, number][] = [
	...offsets("ipc_header", layout.header),
	...offsets("ipc_slot", layout.member),
	...offsets("ipc_wait_entry", layout.wait),
	...offsets("ipc_record", layout.record),
	...offsets("ipc_fragment", layout.fragment),
	...offsets("ipc_lease", layout.lease),
	["IPC_MAGIC", layout.MAGIC],
	["IPC_LAYOUT_VERSION", layout.LAYOUT_VERSION],
	["IPC_LAYOUT_HASH", layout.LAYOUT_HASH],
	["IPC_UNIT", layout.UNIT],
	["IPC_LINE", layout.LINE],
	["IPC_HEADER_BYTES", layout.HEADER_BYTES],
	["sizeof(ipc_slot)", layout.MEMBER_BYTES],
	["sizeof(ipc_wait_entry)", layout.WAIT_BYTES],
	["sizeof(ipc_record)", layout.RECORD_BYTES],
	["sizeof(ipc_lease)", layout.LEASE_BYTES],
	["sizeof(ipc_fragment)", layout.FRAGMENT_BYTES],
	["sizeof(ipc_mark)", layout.MARK_BYTES],
	["sizeof(ipc_event_word)", layout.LINE],
	["sizeof(ipc_event_flag)", 4],
	["IPC_MARKS", layout.MARKS],
	["IPC_EVENT_COUNT", layout.EVENTS],
	["IPC_MAX_SENDERS", layout.MAX_SENDERS],
	["IPC_MAX_RECEIVERS", layout.MAX_RECEIVERS],
	["IPC_WAITS_PER_HANDLE", layout.WAITS_PER_HANDLE],
	["IPC_TRUNCATED", layout.TRUNCATED],
	["IPC_LEASE_DONE", word(layout.LEASE_DONE)],
	["IPC_CLAIM_ABANDONED", word(layout.CLAIM_ABANDONED)],
	["IPC_MIN_CAPACITY", limits.minCapacity],
	["IPC_MAX_CAPACITY", limits.maxCapacity],
	["IPC_MAX_PERMITS", limits.maxPermits],
	["IPC_MAX_MEMORY", limits.maxMemory],
	["IPC_MAX_NAME", limits.nameBytes],
	["IPC_MAX_PREFIX", limits.prefixBytes],
	...Object.entries(kinds.Kind).map(([name, value]): [string, number] => [`IPC_${name.toUpperCase()}`, value]),
	...Object.entries(kinds.OverflowKind).map(([name, value]): [string, number] => [
		`IPC_${snake(name).toUpperCase()}`,
		value,
	]),
	...Object.entries(layout.EventIndex).map(([name, value]): [string, number] => [
		`IPC_EVENT_${named(snake(name).toUpperCase())}`,
		value,
	]),
	...Object.entries(layout.RecordKind).map(([name, value]): [string, number] => [
		`IPC_RECORD_${name.toUpperCase()}`,
		value,
	]),
];

test("the layout in TypeScript is that in C", () => {
	const values = evaluate(pairs.map(([expression]) => expression));
	const found = pairs.map(([expression], i) => `${expression} = ${values[i]}`);
	expect(pairs.map(([expression, value]) => `${expression} = ${value}`)).toEqual(found);
});
