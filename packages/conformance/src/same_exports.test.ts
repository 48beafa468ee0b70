import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import * as compat from "@libipc/compat";
import * as core from "@libipc/core";
import * as libipc from "libipc";
import { types } from "./same_types.ts";

/** The names that an index exports: of values and of types. */
function exported(file: string): { values: string[]; types: string[] } {
	const text = readFileSync(new URL(file, import.meta.url), "utf8");
	const values = new Set<string>();
	const types = new Set<string>();
	for (const [, isType, list] of text.matchAll(/^export (type )?\{([^}]*)\}/gm))
		for (const [, each, name = ""] of (list ?? "").matchAll(/(type )?(\w+)(?:,|\s*$)/g))
			(isType || each ? types : values).add(name);
	for (const [, name = ""] of text.matchAll(/^export const (\w+)/gm)) values.add(name);
	for (const [, name = ""] of text.matchAll(/^export type (\w+)/gm)) types.add(name);
	// A class is a type as well.
	if (values.has("IpcError")) types.add("IpcError");
	return { values: [...values].sort(), types: [...types].sort() };
}

describe("@libipc/core and @libipc/compat", () => {
	const ofCore = exported("../../core/src/index.ts");
	const ofCompat = exported("../../compat/src/index.ts");

	test("export the same names", () => {
		expect(ofCompat).toEqual(ofCore);
		expect(ofCore.values.length).toBeGreaterThan(10);
		expect(ofCore.types.length).toBeGreaterThan(30);
		expect(Object.keys(core).sort()).toEqual(ofCore.values);
		expect(Object.keys(compat).sort()).toEqual(ofCore.values);
	});

	test("are compared type by type, without exception", () => {
		expect(Object.keys(types).sort()).toEqual(ofCore.types);
	});

	test("have factories with the same members", () => {
		const members = (values: object) =>
			Object.fromEntries(
				Object.entries(values).map(([name, value]: [string, unknown]) => [
					name,
					value !== null && typeof value === "object" ? Object.keys(value).sort() : typeof value,
				]),
			);
		expect(members(compat)).toEqual(members(core));
		expect(members(core).Route).toEqual(["clear", "receiver", "sender"]);
	});

	test("throw one IpcError", () => {
		expect(compat.IpcError).toBe(core.IpcError);
	});
});

test("libipc is core in Bun", () => {
	expect({ ...libipc }).toEqual({ ...core });
	expect(libipc.Route).toBe(core.Route);
	expect(libipc.Route).not.toBe(compat.Route);
});
