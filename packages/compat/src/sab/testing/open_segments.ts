/** Segments of threads in a hub, opened as the engine opens them. */
import type { EndpointKind, HandleKind } from "@libipc/protocol";
import type { OpenSegment } from "../../segment_endpoint.ts";
import { FIRST_UNIT, UNIT_BYTES } from "../hub_layout.ts";
import type { NameOptions } from "../name_options.ts";
import { openAsHandle, openAsReceiver, openAsSender } from "../open_segment.ts";
import { usage } from "../reserve.ts";
import type { Threads } from "../threads.ts";
import { noOptions } from "./pretend.ts";

/** The units of memory of the hub in these tests. */
export const UNITS = 400;

export const small: NameOptions = { ...noOptions, capacity: 4096, maxReceivers: 2 };
export const few: NameOptions = { ...noOptions, maxReceivers: 2 };

export const sender = (thread: Threads, name: string, options = small, kind: EndpointKind = "channel"): OpenSegment =>
	openAsSender(thread, kind, "", name, options);
export const receiver = (thread: Threads, name: string, options = small, kind: EndpointKind = "channel"): OpenSegment =>
	openAsReceiver(thread, kind, "", name, options, false);
export const handle = (thread: Threads, kind: HandleKind, name: string, options = few): OpenSegment =>
	openAsHandle(thread, kind, "", name, options);

/** How much of the hub is in use, in bytes. */
export const usedBytes = (thread: Threads): number => usage(thread).used - FIRST_UNIT * UNIT_BYTES;
