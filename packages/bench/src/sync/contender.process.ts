/** Takes part in what several processes do at once: a task on each line, and back the moment when it was done. */
import { Contender, type Task } from "./contender.ts";

const contender = new Contender();
for await (const line of console) if (line) console.log(contender.run(JSON.parse(line) as Task));
