import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import * as abi from "./abi.ts";
import { WaitBits } from "./engine.ts";
import { Kind, kindName, modes, OverflowKind, overflows } from "./kinds.ts";
import { STAMP_BYTES, stamp } from "./layout.ts";
import { limits } from "./limits.ts";
import { OWNER_DIED, Status } from "./status.ts";
import { type Agreed, disagreements, numbers, offsets, snake } from "./testing/evaluate_c.ts";

// Compiling takes its time when the machine is busy.
setDefaultTimeout(300_000);

const HEADERS = [
	"libipc/options.h",
	"libipc/status.h",
	"libipc/list.h",
	"libipc/peers.h",
	"libipc/binding_view.h",
	"libipc/handle.h",
	"libipc/waker.h",
	"libipc/rwlock.h",
];

/** Answers between 0 and `IPC_E_FIRST`, which are no failures. */
const answers = ["timedOut", "noReceivers", "dropped", "notInPlace", "notEqual", "notSet"];
/** No C function returns it: it is the engine's own. */
const { closed, ...statuses } = Status;

const agreed: readonly Agreed[] = [
	["IPC_ABI_VERSION", abi.ABI_VERSION],
	["IPC_PATH_BYTES", abi.PATH_BYTES],
	["IPC_OK", 0],
	["IPC_OWNER_DIED", OWNER_DIED],
	...Object.entries(statuses).map(([name, value]): Agreed => {
		const text = snake(name).toUpperCase();
		return [answers.includes(name) ? `IPC_${text}` : `IPC_E_${text}`, value];
	}),
	...numbers("IPC_", Kind),
	...numbers("IPC_", OverflowKind),
	...modes.map((mode, i): Agreed => [`IPC_${mode.replaceAll("-", "_").toUpperCase()}`, i]),
	...overflows.map((overflow, i): Agreed => [`IPC_${overflow.replaceAll("-", "_").toUpperCase()}`, i + 1]),
	...numbers("IPC_OPTION_", abi.Option),
	...numbers("IPC_STAMP_", abi.StampOption),
	...numbers("IPC_CAUSE_", abi.Cause),
	...numbers("IPC_LISTED_", abi.ListedStateNumber),
	...numbers("IPC_", abi.Role),
	["IPC_WAIT_FOR_SPACE", WaitBits.space],
	["IPC_WAIT_FOR_PEERS", WaitBits.peers],
	["IPC_WAIT_FOR_DATA", WaitBits.data],
	["IPC_WAIT_FOR_READ", WaitBits.read],
	["IPC_WAIT_FOR_LOCK", WaitBits.lock],
	["IPC_WAIT_FOR_SHARED", WaitBits.shared],
	...offsets("ipc_options", abi.options),
	["sizeof(ipc_options)", abi.OPTIONS_BYTES],
	...offsets("ipc_stamp", stamp),
	["sizeof(ipc_stamp)", STAMP_BYTES],
	...offsets("ipc_failure", abi.failure),
	["sizeof(ipc_failure)", abi.FAILURE_BYTES],
	...offsets("ipc_listed_name", abi.listedName),
	["sizeof(ipc_listed_name)", abi.LISTED_NAME_BYTES],
	...offsets("ipc_listed_endpoint", abi.listedEndpoint),
	["sizeof(ipc_listed_endpoint)", abi.LISTED_ENDPOINT_BYTES],
	...offsets("ipc_peer", abi.peer),
	["sizeof(ipc_peer)", abi.PEER_BYTES],
	...offsets("ipc_read_point", abi.readPoint),
	["sizeof(ipc_read_point)", abi.READ_POINT_BYTES],
	...offsets("ipc_binding_view", abi.bindingView),
	["sizeof(ipc_binding_view)", abi.BINDING_VIEW_BYTES],
	["IPC_MIN_CAPACITY", limits.minCapacity],
	["IPC_MAX_CAPACITY", limits.maxCapacity],
	["IPC_MAX_RECEIVERS", limits.maxReceivers],
	["IPC_MAX_SENDERS", limits.maxSenders],
	["IPC_MAX_PERMITS", limits.maxPermits],
	["IPC_MAX_MEMORY", limits.maxMemory],
	["IPC_MAX_NAME", limits.nameBytes],
	["IPC_MAX_PREFIX", limits.prefixBytes],
];

test("C and TypeScript have the same numbers and structures in calls", () => {
	expect(disagreements(HEADERS, agreed)).toEqual([]);
});

test("every status of C has a name in TypeScript, and the engine's own has no number of C's", () => {
	const header = readFileSync(new URL("../../../native/include/libipc/status.h", import.meta.url), "utf8");
	const body = /enum ipc_status \{([\s\S]*?)\};/.exec(header)?.[1] ?? "";
	const declared = new Set([...body.matchAll(/^\s*IPC_\w+ = (-?\d+)/gm)].map(([, value]) => Number(value)));
	expect(declared.size).toBeGreaterThan(30);
	expect([...declared].sort()).toEqual([...Object.values(statuses), 0, OWNER_DIED].sort());
	expect(declared.has(closed)).toBe(false);
});

test("every kind has its name back", () => {
	for (const [name, number] of Object.entries(Kind)) expect<string | undefined>(kindName(number)).toBe(name);
	expect(kindName(0)).toBeUndefined();
	expect(kindName(11)).toBeUndefined();
});
