import type { Command } from "./command.ts";
import { bench } from "./commands/bench.ts";
import { benchParticipant } from "./commands/bench_participant.ts";
import { call } from "./commands/call.ts";
import { clear } from "./commands/clear.ts";
import { completionOf } from "./commands/completion.ts";
import { doctor } from "./commands/doctor.ts";
import { doctorPeer } from "./commands/doctor_peer.ts";
import { get } from "./commands/get.ts";
import { hz } from "./commands/hz.ts";
import { ls } from "./commands/ls.ts";
import { recordCommand } from "./commands/record.ts";
import { replayCommand } from "./commands/replay.ts";
import { rm } from "./commands/rm.ts";
import { send } from "./commands/send.ts";
import { set } from "./commands/set.ts";
import { stat } from "./commands/stat.ts";
import { tail } from "./commands/tail.ts";
import { top } from "./commands/top.ts";

/** All commands, in the order in which the help lists them. */
export const commands: readonly Command[] = [
	ls,
	stat,
	top,
	tail,
	hz,
	send,
	call,
	get,
	set,
	recordCommand,
	replayCommand,
	rm,
	clear,
	doctor,
	bench,
	benchParticipant,
	doctorPeer,
	completionOf(() => commands),
];
