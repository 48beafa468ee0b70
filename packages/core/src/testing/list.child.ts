/** Lists a prefix as another user, clears it, and prints both, as JSON: `list.child.ts PREFIX`. */

import { library } from "../bun/library.ts";
import { clear, list } from "../index.ts";

const [prefix = ""] = process.argv.slice(2);
// Loaded while this process may still read the files of the user who runs the tests.
library();
if (process.getuid?.() === 0) {
	process.setgid?.(65_534);
	process.setuid?.(65_534);
}
console.log(JSON.stringify({ listed: list({ prefix }), cleared: clear({ prefix }) }));
