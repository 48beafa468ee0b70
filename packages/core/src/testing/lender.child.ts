/** Sends "before", takes a loan, and keeps it open until it is killed: `lender.child.ts KIND PREFIX NAME`. */
import { Channel, Route } from "../index.ts";

const [kind, prefix = "", name = ""] = process.argv.slice(2);
const sender = (kind === "route" ? Route : Channel).sender(name, { prefix });
sender.send("before");
const loan = sender.loan(1000);
console.log("lent");
setInterval(() => loan?.bytes.fill(1), 60_000);
