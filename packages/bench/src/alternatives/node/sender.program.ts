/** Sends the messages of a measurement from Node, and prints the result as JSON. */
import type { MeasureOptions } from "../alternative.ts";
import { type NodeMeasurement, nodeTransports } from "./transports.ts";

const [transport = "", options = "{}", directory = "", zeromq = ""] = process.argv.slice(2);
const measure: NodeMeasurement | undefined = nodeTransports[transport as keyof typeof nodeTransports];
if (measure === undefined) throw new Error(`There is no transport ${transport}.`);
console.log(JSON.stringify(await measure(JSON.parse(options) as MeasureOptions, { directory, zeromq })));
