import { checkFunction, invalid } from "../check/argument.ts";
import { type AnyCodec, checkCodec } from "./check_codec.ts";
import type { CodecEndpoint } from "./codec.ts";
import { checkSchema, Decoding } from "./decoding.ts";
import type { OnInvalid } from "./value_receiver.ts";
import type { InvalidOptions, ValueOptions } from "./value_types.ts";

/** The options of an endpoint with values, checked. */
export interface CheckedValueOptions {
	readonly codec: AnyCodec;
	readonly decoding: Decoding;
	readonly onInvalid: OnInvalid | undefined;
}

/** Checks the options that are about values; `undefined`: there are none. `description`: how error messages name the name. */
export function checkValueOptions(
	endpoint: CodecEndpoint,
	description: string,
	given: object & Partial<ValueOptions<unknown>> & InvalidOptions,
): CheckedValueOptions | undefined {
	const { name } = endpoint;
	const { codec, schema, onInvalid } = given;
	if (codec === undefined) {
		const other = schema === undefined ? (onInvalid === undefined ? "" : "onInvalid") : "schema";
		if (other !== "")
			throw invalid(
				name,
				`${other} needs a codec, for example { codec: json(), ${other} }: without one, messages are bytes.`,
			);
		return undefined;
	}
	const checked = checkCodec(endpoint, codec);
	const validate = checkSchema(name, schema);
	if (onInvalid !== undefined) checkFunction(name, "onInvalid", onInvalid);
	return { codec: checked, decoding: new Decoding(name, description, checked, validate), onInvalid };
}
