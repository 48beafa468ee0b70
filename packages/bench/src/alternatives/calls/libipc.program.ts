/** Serves calls and sets the latest value: `libipc.program.ts CODEC PREFIX`. */
import { Latest } from "libipc";
import { Service } from "libipc/service";
import { report } from "../../launcher/started.ts";
import { type CallCodec, callCodecs, quoteCodecs } from "./call_codecs.ts";
import { quoteServer } from "./quote_server.ts";

const [name = "json", prefix = ""] = process.argv.slice(2);
const codec = name as CallCodec;
using latest = Latest.open("latest", { prefix, codec: quoteCodecs[codec] });
const quote = await quoteServer((next) => latest.set(next));
const server = Service.serve("prices", { quote }, { prefix, codec: callCodecs[codec] });
report("ready");
await server.ended;
