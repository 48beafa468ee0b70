/** A side of a hand-over in a process. */
import { serve } from "../launcher/started.ts";
import { type HandOverOrder, handOver } from "./hand_over.ts";

serve<HandOverOrder, Float64Array>(({ side, handOver: options }) => handOver(side, options));
