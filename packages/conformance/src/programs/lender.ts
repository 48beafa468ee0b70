/** Sends "before", takes a loan, and keeps it open until it is killed: `lender KIND PREFIX NAME`. */
import { args, say } from "@libipc/testing/program";
import { Channel, Route } from "../under_test.ts";

const [kind, prefix = "", name = ""] = args;
const sender = (kind === "route" ? Route : Channel).sender(name, { prefix });
sender.send("before");
const loan = sender.loan(1000);
say("lent");
setInterval(() => loan?.bytes.fill(1), 60_000);
