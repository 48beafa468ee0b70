import { describe, expect, test } from "bun:test";
import { closeSync, openSync, readSync } from "node:fs";
import { Channel, Condition, Latest, Mutex, Queue, Route, RwLock, Semaphore, SharedMemory } from "@libipc/core";
import { HEADER_BYTES, header, SLOT_BYTES, slot } from "@libipc/protocol";
import { SegmentReceiver } from "../ring/receiver.ts";
import { SegmentSender } from "../ring/sender.ts";
import { offerHub } from "./hub.ts";
import { clearSegment, openAsHandle, openAsReceiver, openAsSender } from "./open_segment.ts";
import { noOptions } from "./testing/pretend.ts";
import { threads } from "./threads.ts";

offerHub();

const prefix = `bytes${process.pid}`;

const CREATED = header.created;

/** The owner is a process in C, and a thread between threads. */
function withoutTimeAndOwners(bytes: Uint8Array): Uint8Array {
	const copy = new Uint8Array(bytes);
	copy.fill(0, CREATED, CREATED + 8);
	const words = new DataView(copy.buffer, copy.byteOffset);
	const slots = words.getUint32(header.maxReceivers, true) + words.getUint32(header.maxSenders, true);
	for (let at = HEADER_BYTES; at < HEADER_BYTES + slots * SLOT_BYTES; at += SLOT_BYTES) {
		copy.fill(0, at + slot.owner, at + slot.owner + 8);
		copy.fill(0, at + slot.thread, at + slot.thread + 4);
		copy.fill(0, at + slot.pidNamespace, at + slot.pidNamespace + 4);
		copy.fill(0, at + slot.opened, at + slot.opened + 8);
	}
	return copy;
}

/** What the C library has made, as long as it is open. */
function fileOf(kind: string, name: string): Uint8Array {
	const fd = openSync(`/dev/shm/libipc.${kind}.${prefix.length}.${prefix}.${name}`, "r");
	try {
		const bytes = new Uint8Array(2 ** 21);
		return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, 0));
	} finally {
		closeSync(fd);
	}
}

function expectSame(found: Uint8Array, wanted: Uint8Array): void {
	const [ours, theirs] = [withoutTimeAndOwners(found), withoutTimeAndOwners(wanted)];
	expect(ours.length).toBe(theirs.length);
	// Of two large arrays only where they differ is of interest.
	const different = ours.findIndex((byte, i) => byte !== theirs[i]);
	expect(`first difference at ${different}`).toBe("first difference at -1");
}

const MESSAGES = ["", "one", "a longer message"].map((text) => new TextEncoder().encode(text));

const ring = { capacity: 8192, maxReceivers: 3 };

describe.if(process.platform === "linux")("a segment made in TypeScript has the bytes of one made in C", () => {
	for (const [kind, factory] of Object.entries({ route: Route, channel: Channel, queue: Queue }))
		test(`${kind}, with a sender, a receiver, and messages between them`, () => {
			const sender = factory.sender("name", { prefix, ...ring });
			const receiver = factory.receiver("name", { prefix });
			for (const message of MESSAGES) sender.send(message);
			if (kind !== "queue") for (const _ of MESSAGES) receiver.tryRecv();
			const wanted = fileOf(kind, "name");
			receiver.close();
			sender.close();

			const here = threads();
			const options = { ...noOptions, ...ring };
			const ourSender = openAsSender(here, kind as "route", prefix, "name", options);
			const ourReceiver = openAsReceiver(here, kind as "route", prefix, "name", options, false);
			const { segment, at, instance, leave } = ourSender;
			const sending = new SegmentSender(segment, at, instance, leave);
			const receiving = new SegmentReceiver(segment, ourReceiver.at, ourReceiver.instance, false, ourReceiver.leave);
			for (const message of MESSAGES) expect(sending.send(message, message.length, 0)).toBe(0);
			if (kind !== "queue") for (const _ of MESSAGES) receiving.recv(new Uint8Array(100), 0);
			expectSame(segment.bytes, wanted);
			receiving.close();
			sending.close();
		});

	const handles = {
		mutex: { open: () => Mutex.open("name", { prefix, maxHandles: 3 }), options: {} },
		condition: { open: () => Condition.open("name", { prefix, maxHandles: 3 }), options: {} },
		semaphore: {
			open: () => Semaphore.open("name", { prefix, maxHandles: 3, initial: 7, robust: true, permissions: 0o640 }),
			options: { initial: 8, robust: 1, permissions: 0o640 },
		},
		rwlock: { open: () => RwLock.open("name", { prefix, maxHandles: 3 }), options: {} },
		memory: {
			open: () => SharedMemory.open("name", { prefix, maxHandles: 3, size: 5000 }),
			options: { size: 5000 },
		},
		latest: {
			open: () => Latest.open("name", { prefix, maxHandles: 3, maxLength: 1000, keep: true }),
			options: { size: 1000, keep: 1 },
		},
	} as const;
	for (const kind of ["mutex", "condition", "semaphore", "rwlock", "memory", "latest"] as const)
		test(`${kind}, with a handle`, () => {
			const { open, options } = handles[kind];
			const handle = open();
			const wanted = fileOf(kind, "name");
			handle.close();
			Latest.clear("name", { prefix });
			const ours = openAsHandle(threads(), kind, prefix, "name", { ...noOptions, maxReceivers: 3, ...options });
			expectSame(ours.segment.bytes, wanted);
			ours.leave();
			clearSegment(threads(), kind, prefix, "name");
		});
});
