import { expect, test } from "bun:test";
import { linesOfCode } from "./lines_of_code.ts";

test("empty lines and comments are no lines of code", () => {
	const source = [
		...["// a", "/** b", " * c", " */", "/* d */", "", "  \t", "\t// e"],
		...["const one = 1; // f", "\tcall(one);", "}"],
		"",
	];
	expect(linesOfCode(source.join("\n"))).toBe(3);
});
