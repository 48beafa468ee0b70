/** As contender.process.ts, in a thread: first comes the memory that is shared, then the tasks. */
import { Contender, type Task } from "./contender.ts";

declare const self: Worker;
let contender: Contender | undefined;
self.onmessage = ({ data }: MessageEvent<SharedArrayBuffer | Task>) => {
	if (data instanceof SharedArrayBuffer) contender = new Contender(data);
	else postMessage(contender?.run(data));
};
