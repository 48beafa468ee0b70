/** A program in a separate process, on one of the two engines: `mapped.child.ts ENGINE PROGRAM PREFIX [ARGUMENT]`. */
import { nativeEngine } from "../../../../core/src/bun/engine.ts";
import { mappedEngine } from "../../testing/mapped_engine.ts";
import { programs } from "./programs.ts";
import { World } from "./world.ts";

const [engine, program = "", prefix = "", argument = "0"] = process.argv.slice(2);
const world = new World(prefix, engine === "native" ? nativeEngine : mappedEngine);
programs[program]?.(world, Number(argument));
world.close();
