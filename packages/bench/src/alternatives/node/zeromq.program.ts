import { byWords } from "../../workload/compare_words.ts";
import { readReceiverSetup } from "../receiver_setup.ts";
import { RoundCounter } from "../round_counter.ts";
import { receiveFromZeroMq } from "../zeromq_receiver.ts";

const setup = readReceiverSetup();
await receiveFromZeroMq(setup, new RoundCounter(setup, byWords));
