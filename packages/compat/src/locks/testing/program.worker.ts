import { workerData } from "node:worker_threads";
import { programs } from "./programs.ts";
import { World } from "./world.ts";

const { program, argument, prefix } = workerData as { program: string; argument: number; prefix: string };
const world = new World(prefix);
programs[program]?.(world, argument);
world.close();
