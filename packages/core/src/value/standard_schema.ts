import type { SchemaIssue } from "@libipc/protocol";

/**
 * What zod, valibot, arktype and others have in common: Standard Schema, version 1 (https://standardschema.dev). Any object with
 * these members is a schema.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
	/** The members of the standard. */
	readonly "~standard": {
		/** The version of the standard. */
		readonly version: 1;
		/** The library that made the schema. */
		readonly vendor: string;
		/** Checks a value. It must not return a promise here: messages are read by calls that do not wait for one. */
		readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
		/** For the compiler only. */
		readonly types?: SchemaTypes<Input, Output> | undefined;
	};
}

/** The types of a schema. There is no such value when a program runs. */
export interface SchemaTypes<Input, Output> {
	/** What it accepts. */
	readonly input: Input;
	/** What it returns. */
	readonly output: Output;
}

/** A value that a schema accepts. */
export interface SchemaSuccess<Output> {
	/** The value, perhaps transformed. */
	readonly value: Output;
	/** Nothing is wrong. */
	readonly issues?: undefined;
}

/** What is wrong with a value that a schema refuses. */
export interface SchemaFailure {
	/** What is wrong. */
	readonly issues: readonly SchemaIssue[];
}

/** What a schema says about a value. */
export type SchemaResult<Output> = SchemaSuccess<Output> | SchemaFailure;

/** The type that a schema accepts: what its senders send. */
export type SchemaInput<Schema extends StandardSchema> = NonNullable<Schema["~standard"]["types"]>["input"];

/** The type that a schema returns: what its receivers get. */
export type SchemaOutput<Schema extends StandardSchema> = NonNullable<Schema["~standard"]["types"]>["output"];
