import { type ListedName, list } from "libipc";
import { bytes, counted } from "../format.ts";
import { isLeftover } from "../remove_names.ts";
import { type Finding, ok, warning } from "./finding.ts";

const memoryOf = (names: readonly ListedName[]): string =>
	bytes(names.reduce((sum, { byteLength }) => sum + byteLength, 0));

/** The names that exist here, of all programs. */
export function checkNames(): Finding[] {
	const names = list({ prefix: undefined });
	const findings = [ok("names", `${counted(names.length, "name")}, ${memoryOf(names)}`)];
	const left = names.filter((name) => isLeftover(name) && name.state !== "other-version");
	if (left.length > 0)
		findings.push(
			warning(
				"leftovers",
				`${counted(left.length, "name")} that no process has open, ${memoryOf(left)}`,
				"They do no harm. `libipc clear` frees their memory. Many of them mean that something kills programs.",
			),
		);
	const other = names.filter(({ state }) => state === "other-version");
	if (other.length > 0) {
		const versions = [...new Set(other.map(({ layoutVersion }) => layoutVersion))].join(", ");
		findings.push(
			warning(
				"other version",
				`${counted(other.length, "name")} with layout ${versions}`,
				"Programs with another version of libipc use them, or did. Update all programs that share names together.",
			),
		);
	}
	const odd = names.filter(({ state }) => state === "damaged" || state === "foreign");
	if (odd.length > 0)
		findings.push(
			warning(
				"damaged",
				`${counted(odd.length, "file")} that ${odd.length === 1 ? "is" : "are"} damaged or foreign`,
				"They block their names. `libipc ls` shows them, and `libipc rm NAME` removes them.",
			),
		);
	return findings;
}
