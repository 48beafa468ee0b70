import { Latest } from "libipc";
import { json } from "libipc/codecs";
import { Service } from "libipc/service";
import { type Quote, symbols } from "../prices.ts";
import type { Handlers } from "./server.ts";

using prices = Service.connect<Handlers>("prices", { codec: json() });
for (const symbol of symbols) console.log(JSON.stringify(await prices.quote(symbol)));
using latest = Latest.open("latest", { codec: json<Quote>() });
console.log("latest", JSON.stringify(latest.get()));
