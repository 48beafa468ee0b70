/** One end of a row of bench_ipc, in a process or in a Worker. */
import { byMemcmp } from "../workload/memcmp.ts";
import { serveParticipant } from "./serve_participant.ts";

serveParticipant(byMemcmp);
