/** Seals numbers, each in an object: `seal PREFIX NAME COUNT`. The key has the bytes 1 to 32, and the id 1. */
import { args, say } from "@libipc/testing/program";
import { json } from "libipc/codecs";
import { sealed } from "libipc/codecs/sealed";
import { Channel } from "../under_test.ts";

const [prefix = "", name = "", count] = args;
const codec = sealed(json<{ number: number }>(), { id: 1, key: Uint8Array.from({ length: 32 }, (_, i) => i + 1) });
using sender = Channel.sender(name, { prefix, codec });
for (let number = 0; number < Number(count); number++) sender.send({ number }, { timeout: 10_000 });
say("sent");
