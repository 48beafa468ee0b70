import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A directory for sockets, gone with all it holds at the end of the scope. */
export class TemporaryDirectory implements Disposable {
	readonly path = mkdtempSync(join(tmpdir(), "libipc-alternatives-"));

	[Symbol.dispose](): void {
		rmSync(this.path, { recursive: true, force: true });
	}
}
