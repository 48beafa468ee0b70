import { type Engine, limits } from "@libipc/protocol";
import { checkInteger, describe, invalid, show } from "../check/argument.ts";
import { checkHandle, clearHandle } from "../lock/handle.ts";
import { checkCodec } from "../value/check_codec.ts";
import { checkValueOptions } from "../value/value_options.ts";
import type { ValueOptions } from "../value/value_types.ts";
import { NamedLatest } from "./latest.ts";
import type { LatestFactory } from "./latest_factory.ts";
import type { LatestOptions } from "./latest_types.ts";
import { ValueLatestHandle } from "./value_latest.ts";

function checkKeep(name: string, keep: unknown): number {
	if (keep === undefined || typeof keep === "boolean") return keep === true ? 1 : 0;
	throw invalid(name, `keep must be a boolean, not ${show(keep)}.`);
}

/** Makes `Latest` of an API from its engine. */
export function createLatestFactory(engine: () => Engine): LatestFactory {
	function open(name: string, options?: LatestOptions & Partial<ValueOptions<unknown>>): unknown {
		const { prefix, options: checked } = checkHandle("latest", name, options);
		const what = describe("latest", prefix, name);
		const values = options && checkValueOptions({ kind: "latest", prefix, name, role: "receiver" }, what, options);
		const encoding = values && checkCodec({ kind: "latest", prefix, name, role: "sender" }, options.codec);
		const all = {
			...checked,
			size: checkInteger(name, "maxLength", options?.maxLength, 1, limits.maxValue),
			keep: checkKeep(name, options?.keep),
			codec: values?.codec.id ?? "",
		};
		const bytes = new NamedLatest(engine(), prefix, name, engine().openLatest(prefix, name, all));
		return values && encoding ? new ValueLatestHandle(bytes, values.decoding, encoding) : bytes;
	}
	return {
		open: open as LatestFactory["open"],
		clear: (name, options) => clearHandle(engine(), "latest", name, options),
	};
}
