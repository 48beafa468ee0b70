/** Opens an endpoint and keeps it until it is killed: `holder KIND ROLE PREFIX NAME [OPTIONS-JSON]`. */
import { args, say } from "@libipc/testing/program";
import { Channel, Queue, Route } from "../under_test.ts";

const [kind, role, prefix = "", name = "", options = "{}"] = args;
const factory = { route: Route, channel: Channel, queue: Queue }[kind ?? ""] ?? Channel;
const open = role === "sender" ? factory.sender : factory.receiver;
const endpoint = open(name, { prefix, ...JSON.parse(options) });
say("ready");
setInterval(() => endpoint.closed, 60_000);
