import { expect, test } from "bun:test";
import * as compat from "@libipc/compat";
import * as core from "@libipc/core";
import { createApi } from "@libipc/core/api";
import * as libipc from "libipc";

/** No call reaches an engine here: `createApi` asks for it at the first call that needs one. */
const names = [
	...Object.keys(
		createApi(() => {
			throw new Error("no engine");
		}),
	),
	"IpcError",
	"listen",
	"merge",
].sort();

test.each([
	["@libipc/core", core],
	["@libipc/compat", compat],
	["libipc", libipc],
])("%s exports the whole API and nothing else", (_, exported) => {
	expect(Object.keys(exported).sort()).toEqual(names);
});
