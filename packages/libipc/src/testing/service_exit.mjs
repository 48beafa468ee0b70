// A server that has opened another name before its service, and exits while it runs a call.
import { spawn } from "node:child_process";
import { Route } from "libipc";
import { Service } from "libipc/service";

const [server] = process.argv.slice(2);
const options = { prefix: server ?? `packed${process.pid}` };
if (server === undefined) {
	const child = spawn(process.execPath, ["service_exit.mjs", options.prefix], { stdio: ["ignore", "pipe", "inherit"] });
	await new Promise((resolve) => child.stdout.once("data", resolve));
	const prices = Service.connect("prices", options);
	console.log(await prices.quote().catch(({ code }) => code));
	prices[Symbol.dispose]();
} else {
	Route.sender("first", options);
	Service.serve("prices", { quote: () => process.exit() }, options);
	console.log("serving");
}
