/** Tells the time: `clock`. */
import { say } from "../peer_side.ts";
import { monotonicNs } from "../under_test.ts";

say(String(monotonicNs()));
