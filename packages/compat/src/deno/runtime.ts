import type { Address } from "@libipc/core/api";

/** The parts of `Deno` that are used here. Its types do not exist where this is compiled. */
export interface Deno {
	dlopen(
		path: string,
		definitions: Record<
			string,
			{ readonly parameters: readonly string[]; readonly result: string; readonly nonblocking?: boolean }
		>,
	): { readonly symbols: Record<string, (...args: never[]) => unknown> };
	readonly UnsafePointerView: { getArrayBuffer(address: Address, byteLength: number): ArrayBuffer };
	readonly permissions: {
		querySync(permission: { name: "ffi"; path: string }): { readonly state: "granted" | "prompt" | "denied" };
	};
	/** The key of {@link Operations}. */
	readonly internal: symbol;
}

/** What Deno itself uses to let the process end while an operation has not ended. */
export interface Operations {
	refOpPromise(operation: Promise<unknown>): void;
	unrefOpPromise(operation: Promise<unknown>): void;
}

export const deno = (): Deno => (globalThis as unknown as { readonly Deno: Deno }).Deno;

/** `undefined`: this Deno does not have them. They are not part of its public interface. */
export function operations(): Operations | undefined {
	const runtime = deno();
	const { core } =
		(runtime as unknown as Record<symbol, { readonly core?: Partial<Operations> }>)[runtime.internal] ?? {};
	return core?.refOpPromise && core.unrefOpPromise ? (core as Operations) : undefined;
}
