/** `latest.program.ts gets PREFIX NAME HANDLES`, or `sets PREFIX NAME BYTES`: at full speed, until it is killed. */
import { Latest } from "libipc";

const [what = "", prefix = "", name = "", argument = ""] = process.argv.slice(2);
const number = Number(argument);
const open = (): Latest => Latest.open(name, { prefix });

const handles = Array.from({ length: what === "gets" ? number : 1 }, open);
const bytes = new Uint8Array(what === "gets" ? (handles[0]?.maxLength ?? 1) : number).fill(1);
console.log("begun");
for (;;)
	for (const each of handles) {
		if (what === "gets") each.getInto(bytes);
		else each.set(bytes);
	}
