/** A side of the ping-pong in a process. */
import { serve } from "../launcher/started.ts";
import { runSide, type SideOrder } from "./ping_pong.ts";

serve<SideOrder, Float64Array>(({ side, pingPong }) => runSide(side, pingPong));
