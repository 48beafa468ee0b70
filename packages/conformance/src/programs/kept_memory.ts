/**
 * Opens and closes shared memory of 16 MiB, 12 times in one task, and uses its words: `kept_memory PREFIX`. Says how often it could,
 * and what the error said; then the same after its garbage was collected.
 */
import { collectGarbage } from "@libipc/testing/garbage";
import { args, say } from "@libipc/testing/program";
import { sleep } from "@libipc/testing/timing";
import { SharedMemory } from "../under_test.ts";

const [prefix = ""] = args;

function openAndClose(times: number): void {
	let opened = 0;
	let text = "";
	try {
		for (; opened < times; opened++) {
			const memory = SharedMemory.open(`n${opened}`, { prefix, size: 2 ** 24 });
			memory.words[0] = 1;
			memory.close();
		}
	} catch (error) {
		text = String(error);
	}
	say(JSON.stringify({ opened, text }));
}

openAndClose(12);
// Finalizers run when the event loop turns.
for (let i = 0; i < 200 && SharedMemory.keptBytes() > 0; i++) {
	collectGarbage();
	await sleep(5);
}
openAndClose(1);
