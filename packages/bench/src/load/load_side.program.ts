/** A side of a load in a process. */
import { serve } from "../launcher/started.ts";
import { type LoadOrder, type LoadReport, runSide } from "./load_side.ts";

serve<LoadOrder, LoadReport>(runSide);
