/** Answers: a service, and the same endpoints without one. It reports "ready", and runs until it is ended. */
import { Queue, Route } from "libipc";
import { json } from "libipc/codecs";
import { Service } from "libipc/service";
import { report } from "../launcher/started.ts";
import { ANSWERS, type EchoHandlers, JSON_SERVICE, REQUESTS, SERVICE } from "./names.ts";

const [prefix = ""] = process.argv.slice(2);
const handlers: EchoHandlers = { echo: (value) => value };
Service.serve(SERVICE, handlers, { prefix });
Service.serve(JSON_SERVICE, handlers, { prefix, codec: json() });
const requests = Queue.receiver(REQUESTS, { prefix });
const answers = Route.sender(ANSWERS, { prefix });
report("ready");
for await (const request of requests) answers.send(request);
