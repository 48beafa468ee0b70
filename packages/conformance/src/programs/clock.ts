/** Tells the time: `clock`. */
import { say } from "@libipc/testing/program";
import { monotonicNs } from "../under_test.ts";

say(String(monotonicNs()));
