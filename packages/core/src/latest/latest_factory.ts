import type { SchemaInput, SchemaOutput, StandardSchema } from "../value/standard_schema.ts";
import type { Latest, LatestOptions, ValueLatest, ValueLatestOptions } from "./latest_types.ts";

/** Opens latest values. */
export interface LatestFactory {
	/**
	 * Opens a latest value that a schema checks when it is read.
	 *
	 * @throws IpcError as the open without a codec; `ERR_IPC_OPTIONS_MISMATCH` if the name has another codec
	 * @example
	 * import { Latest } from "libipc";
	 * import { json } from "libipc/codecs";
	 * import { z } from "zod";
	 *
	 * const schema = z.object({ theme: z.string() });
	 * using settings = Latest.open("settings", { codec: json(), schema });
	 * settings.set({ theme: "dark" });
	 * console.log(settings.get()?.theme); // dark
	 */
	open<Schema extends StandardSchema>(
		name: string,
		options: ValueLatestOptions<unknown, NoInfer<SchemaInput<Schema>>, Schema> & { readonly schema: Schema },
	): ValueLatest<SchemaOutput<Schema>, SchemaInput<Schema>>;
	/**
	 * Opens a latest value whose values a codec turns into bytes.
	 *
	 * @throws IpcError as the open without a codec; `ERR_IPC_OPTIONS_MISMATCH` if the name has another codec
	 * @example
	 * import { Latest } from "libipc";
	 * import { json } from "libipc/codecs";
	 *
	 * using settings = Latest.open("settings", { codec: json<{ theme: string }>(), keep: true });
	 * settings.set({ theme: "dark" });
	 * console.log(settings.get()?.theme); // dark
	 * Latest.clear("settings");
	 */
	open<Value, Sent = Value>(
		name: string,
		options: ValueLatestOptions<Value, Sent> & { readonly schema?: undefined },
	): ValueLatest<Value, Sent>;
	/**
	 * Opens a latest value of bytes. The name is created if no handle is open on it and it was not kept.
	 *
	 * @param name - 1 to 128 bytes of UTF-8, without `/` and control characters.
	 * @throws IpcError `ERR_IPC_INVALID_NAME`, `ERR_IPC_INVALID_ARGUMENT`, `ERR_IPC_OPTIONS_MISMATCH`, `ERR_IPC_TOO_MANY_HANDLES`,
	 * `ERR_IPC_PERMISSION`, `ERR_IPC_NO_SPACE`, `ERR_IPC_VERSION`, `ERR_IPC_CORRUPT`, `ERR_IPC_FOREIGN`, `ERR_IPC_BUSY`,
	 * `ERR_IPC_LIBRARY`, `ERR_IPC_ENGINE`, `ERR_IPC_SYSTEM`
	 * @example
	 * import { Latest } from "libipc";
	 *
	 * using position = Latest.open("position", { maxLength: 16 });
	 * position.set(Float64Array.of(52.5, 13.4));
	 * console.log(new Float64Array(position.get()?.buffer ?? new ArrayBuffer(0))[1]); // 13.4
	 */
	open(name: string, options?: LatestOptions): Latest;
	/**
	 * Removes the name and its value, also if it was kept. It does nothing if the name does not exist. Open handles get
	 * `ERR_IPC_ORPHANED`, and the next open creates the name again.
	 *
	 * @param options - `prefix`: as in {@link HandleOptions.prefix}.
	 * @throws IpcError `ERR_IPC_INVALID_NAME`, `ERR_IPC_INVALID_ARGUMENT`, `ERR_IPC_PERMISSION`, `ERR_IPC_BUSY`, `ERR_IPC_LIBRARY`,
	 * `ERR_IPC_ENGINE`, `ERR_IPC_SYSTEM`
	 * @example
	 * import { Latest } from "libipc";
	 *
	 * Latest.clear("settings");
	 */
	clear(name: string, options?: { prefix?: string }): void;
}
