/** Serves calls and sets the latest value: `libipc.program.ts CODEC PREFIX`. */
import { Latest, Service } from "libipc";
import { report } from "../../launcher/started.ts";
import { type CallCodec, callCodecs, quoteCodecs } from "./call_codecs.ts";
import { quoteOf } from "./quote.ts";
import { setLatest } from "./set_latest.ts";

const [name = "json", prefix = ""] = process.argv.slice(2);
const codec = name as CallCodec;
using latest = Latest.open("latest", { prefix, codec: quoteCodecs[codec] });
await setLatest((quote) => latest.set(quote));
const server = Service.serve("prices", { quote: quoteOf }, { prefix, codec: callCodecs[codec] });
report("ready");
await server.ended;
