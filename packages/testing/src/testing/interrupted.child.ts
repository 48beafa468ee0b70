/** A test process that starts another process and opens a name, and then waits, blocks, fails or ends: `interrupted.child STATE`. */
import * as library from "libipc";
import { Names } from "../names.ts";
import { args, say } from "../program.ts";
import { TestProgram } from "../test_program.ts";

const [state] = args;
if (state === "holds") {
	say("ready");
	setInterval(() => {}, 60_000);
} else {
	const names = new Names("interrupted", library);
	const child = new TestProgram(new URL(import.meta.url), ["holds"], { transport: "processes" });
	await child.line();
	const receiver = library.Channel.receiver(names.next(), { prefix: names.prefix });
	say(JSON.stringify({ prefix: names.prefix, pid: child.pid }));
	if (state === "waits in its event loop") setInterval(() => receiver.closed, 60_000);
	else if (state === "is blocked in a call") receiver.recv();
	else if (state === "fails") {
		setTimeout(() => {
			throw new Error("the test process fails on purpose");
		}, 10);
	} else {
		await child.kill();
		receiver.close();
	}
}
