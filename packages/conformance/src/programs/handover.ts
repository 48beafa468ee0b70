/**
 * One version of a service that is replaced while it runs: `handover HOW PREFIX NAME VERSION`. It waits for the version before it,
 * sends messages until SIGTERM comes or the word of the shared memory NAME.stop is its version, sends some last messages, and closes.
 */
import { writePattern } from "@libipc/testing/pattern";
import { args, say } from "@libipc/testing/program";
import { turn } from "@libipc/testing/timing";
import { Route, SharedMemory } from "../under_test.ts";

const [how, prefix = "", name = "", versionText] = args;
const version = Number(versionText);
const LARGEST = 20_000;

let isEnding = false;
process.once("SIGTERM", () => {
	isEnding = true;
});

async function serve(): Promise<void> {
	using stop = SharedMemory.open(`${name}.stop`, { prefix, size: 4 });
	const options = { prefix, wait: 60_000 };
	const sender = how === "senderAsync" ? await Route.senderAsync(name, options) : Route.sender(name, options);
	const buffer = new Uint8Array(LARGEST);
	let sent = 0;
	function send(count: number): void {
		for (const end = sent + count; sent < end; sent++)
			// Without a timeout: SIGTERM would end a wait that has one.
			if (!sender.send(writePattern(buffer, version, sent, LARGEST))) throw new Error(`message ${sent} was refused`);
	}
	send(1);
	say("open");
	while (!isEnding && Atomics.load(stop.words, 0) !== version) {
		send(20);
		await turn();
	}
	send(100);
	sender.close();
	say(JSON.stringify({ sent }));
}

void serve().then(() => process.removeAllListeners("SIGTERM"));
