/** `unneeded leave PREFIX`: opens names and waits to be killed. `unneeded clear PREFIX`: clears them, and reports. */
import { args, say } from "@libipc/testing/program";
import { clearInSteps, openNeededAndUnneeded } from "../unneeded.ts";

const [program = "", prefix = ""] = args;

if (program === "clear") {
	say(JSON.stringify(await clearInSteps(prefix)));
} else {
	const opened = openNeededAndUnneeded(prefix);
	say("ready");
	setInterval(() => opened.length, 60_000);
}
