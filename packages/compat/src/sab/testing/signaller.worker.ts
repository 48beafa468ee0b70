/** Signals a thread so many times. */
import { workerData } from "node:worker_threads";
import { threads } from "../threads.ts";

const { low, high, rings } = workerData as { readonly low: number; readonly high: number; readonly rings: number };
for (let i = 0; i < rings; i++) threads().signal(low, high);
