/** Opens an endpoint and keeps it until it is killed: `holder.child.ts KIND ROLE PREFIX NAME [OPTIONS-JSON]`. */
import { Channel, Queue, Route } from "../index.ts";

const [kind, role, prefix = "", name = "", options = "{}"] = process.argv.slice(2);
const factory = { route: Route, channel: Channel, queue: Queue }[kind ?? ""] ?? Channel;
const open = role === "sender" ? factory.sender : factory.receiver;
const endpoint = open(name, { prefix, ...JSON.parse(options) });
console.log("ready");
setInterval(() => endpoint.closed, 60_000);
