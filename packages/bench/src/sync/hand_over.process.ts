/** A side of a hand-over in a process of its own: what to do comes as JSON arguments, the times go out on stdout. */
import { type HandOver, handOver } from "./hand_over.ts";

const [side, options] = process.argv.slice(2).map((argument) => JSON.parse(argument) as unknown);
await Bun.write(Bun.stdout, await handOver(side as 0 | 1, options as HandOver));
