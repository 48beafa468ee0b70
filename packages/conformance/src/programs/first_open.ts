/** Opens its first name when something is wrong, and again when it is right: `first_open PREFIX NAME WRONG RIGHT`. */
import { closeSync } from "node:fs";
import { args, say } from "@libipc/testing/program";
import { text } from "@libipc/testing/text";
import { enter, type Surroundings, useAllDescriptors } from "../surroundings.ts";
import { Channel, type IpcError, monotonicNs } from "../under_test.ts";

const [prefix = "", name = "", wrong = "", right = ""] = args;

/** Opens both ends, and sends a message through. */
function attempt(): object {
	try {
		using receiver = Channel.receiver(name, { prefix });
		using sender = Channel.sender(name, { prefix });
		sender.send("it works");
		return { received: text(receiver.recv({ timeout: 0 })) };
	} catch (error) {
		return { code: (error as IpcError).code, message: (error as IpcError).message };
	}
}

const print = (value: object) => say(JSON.stringify(value));

if (wrong === "no descriptors") {
	// Loads the library, which takes a descriptor. It opens nothing.
	monotonicNs();
	const files = useAllDescriptors();
	const attempts = [attempt(), attempt()];
	for (const file of files) closeSync(file);
	attempts.push(attempt());
	for (const each of attempts) print(each);
} else {
	enter(JSON.parse(wrong) as Surroundings);
	print(attempt());
	print(attempt());
	enter(JSON.parse(right) as Surroundings);
	print(attempt());
}
