import { type Transport, transport } from "@libipc/testing/transport";

/** What the suite runs on: an engine in a runtime, with test programs on threads or in processes. */
export interface Instance {
	readonly runtime: "bun" | "node" | "deno";
	readonly engine: "native" | "sab";
	readonly transport: Transport;
	/** Whether test programs run in the other runtime. */
	readonly isMixed: boolean;
	/** The runtime of a test program, and of every second one of several at the same time. */
	readonly programs: "bun" | "node" | "deno";
}

const runtime = process.versions.bun ? "bun" : process.versions.deno ? "deno" : "node";
const isMixed = process.env.LIBIPC_PROGRAMS !== undefined;

/** The instance of this run: scripts/conformance.ts sets the environment. In Bun without one: native, in processes. */
export const instance: Instance = {
	runtime,
	engine: process.env.LIBIPC_PACKAGE === "@libipc/compat" || process.env.LIBIPC_ENGINE === "sab" ? "sab" : "native",
	transport,
	isMixed,
	programs: isMixed ? (runtime === "bun" ? "node" : "bun") : runtime,
};
