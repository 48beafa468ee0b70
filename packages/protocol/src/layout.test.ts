import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import * as layout from "./layout.ts";
import { LAYOUT_HASH, type LayoutField, layoutFields, layoutHashOf } from "./layout_hash.ts";
import { type Agreed, disagreements, numbers, offsets, runC } from "./testing/evaluate_c.ts";

// Compiling takes its time when the machine is busy.
setDefaultTimeout(300_000);

const LAYOUT_H = new URL("../../../native/src/layout.h", import.meta.url);
const word = (value: number): number => value >>> 0;

const agreed: readonly Agreed[] = [
	...offsets("ipc_header", layout.header),
	...offsets("ipc_slot", layout.slot),
	...offsets("ipc_wait_entry", layout.wait),
	...offsets("ipc_record", layout.record),
	...offsets("ipc_fragment", layout.fragment),
	...offsets("ipc_lease", layout.lease),
	...offsets("ipc_mark", layout.mark),
	...offsets("ipc_event_flag", layout.eventFlag),
	...offsets("ipc_event_word", layout.eventWord),
	["IPC_MAGIC", layout.MAGIC],
	["IPC_LAYOUT_VERSION", layout.LAYOUT_VERSION],
	["IPC_UNIT", layout.UNIT],
	["IPC_LINE", layout.LINE],
	["IPC_HEADER_BYTES", layout.HEADER_BYTES],
	["sizeof(ipc_slot)", layout.SLOT_BYTES],
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
	["IPC_FEW_SENDERS", layout.FEW_SENDERS],
	["IPC_SMALL_CAPACITY", layout.SMALL_CAPACITY],
	["IPC_MAX_RECEIVERS", layout.MAX_RECEIVERS],
	["IPC_WAITS_PER_HANDLE", layout.WAITS_PER_HANDLE],
	["IPC_TRUNCATED", layout.TRUNCATED],
	["IPC_LEASE_DONE", word(layout.LEASE_DONE)],
	["IPC_CLAIM_ABANDONED", word(layout.CLAIM_ABANDONED)],
	...numbers("IPC_EVENT_", layout.EventIndex),
	...numbers("IPC_RECORD_", layout.RecordKind),
];

test("C and TypeScript have the same bytes in shared memory", () => {
	expect(disagreements(["layout.h"], agreed)).toEqual([]);
});

/** `ipc_header.magic` and so on: what layout.h declares, read from its text. */
function declaredFields(): string[] {
	const text = readFileSync(LAYOUT_H, "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
	return [...text.matchAll(/typedef struct (\w+) \{([\s\S]*?)\} \1;/g)].flatMap(([, type = "", body = ""]) =>
		[...body.matchAll(/(\w+)(?:\[[^\]]*\])?\s*;/g)].map(([, field]) => `${type}.${field}`),
	);
}

const isField = ({ name }: LayoutField): boolean => name.includes(".");

describe("the layout hash", () => {
	test("covers every field that layout.h declares", () => {
		const declared = declaredFields();
		expect(declared.length).toBeGreaterThan(60);
		expect(
			layoutFields
				.filter(isField)
				.map(({ name }) => name)
				.sort(),
		).toEqual(declared.sort());
	});

	test("is computed from the same fields, with the same result, in C and in TypeScript", () => {
		const lines = runC(
			`#include <stdio.h>
#include "layout_hash.h"
int main(void) {
  size_t count;
  const ipc_layout_field *fields = ipc_layout_fields(&count);
  for (size_t i = 0; i < count; i++) printf("%s %u %u\\n", fields[i].name, fields[i].offset, fields[i].size);
  printf("%u\\n", ipc_layout_hash());
  return 0;
}
`,
			["native/src/layout_hash.c"],
		);
		expect(lines).toEqual([
			...layoutFields.map(({ name, offset, bytes }) => `${name} ${offset} ${bytes}`),
			`${LAYOUT_HASH}`,
		]);
	});

	const swaps = layoutFields.flatMap((first, i) => {
		const second = layoutFields[i + 1];
		const isPair =
			second && isField(first) && isField(second) && first.name.split(".")[0] === second.name.split(".")[0];
		return isPair ? [[first.name, second.name, i] as const] : [];
	});

	test.each(swaps)("differs when %s and %s change places", (_, __, i) => {
		const first = layoutFields[i] as LayoutField;
		const second = layoutFields[i + 1] as LayoutField;
		// As the compiler would place them: the second field where the first one was, the first one behind it.
		const swapped = layoutFields.toSpliced(
			i,
			2,
			{ ...first, offset: second.offset + second.bytes - first.bytes },
			{ ...second, offset: first.offset },
		);
		expect(layoutHashOf(swapped)).not.toBe(LAYOUT_HASH);
		// And in a build whose list of fields has been put in order again.
		expect(layoutHashOf(swapped.toSpliced(i, 2, swapped[i + 1] as LayoutField, swapped[i] as LayoutField))).not.toBe(
			LAYOUT_HASH,
		);
	});

	test.each(layoutFields.map(({ name }, i) => [name, i] as const))("differs when the size of %s changes", (_, i) => {
		const field = layoutFields[i] as LayoutField;
		expect(layoutHashOf(layoutFields.with(i, { ...field, bytes: field.bytes * 2 }))).not.toBe(LAYOUT_HASH);
	});
});
