import { type Transport, transport } from "@libipc/testing/transport";

/** What the suite runs on: an engine in a runtime, with test programs on threads or in processes. */
export interface Instance {
	readonly runtime: "bun" | "node";
	readonly engine: "native" | "sab";
	readonly transport: Transport;
	/** Whether the test programs run in the other runtime. */
	readonly isMixed: boolean;
}

/** The instance of this run: scripts/conformance.ts sets the environment. In Bun without one: native, in processes. */
export const instance: Instance = {
	runtime: process.versions.bun ? "bun" : "node",
	engine: process.env.LIBIPC_PACKAGE === "@libipc/compat" || process.env.LIBIPC_ENGINE === "sab" ? "sab" : "native",
	transport,
	isMixed: process.env.LIBIPC_PROGRAMS !== undefined,
};
