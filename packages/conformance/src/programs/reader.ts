/**
 * Reads what all send, and checks it: `reader KIND PREFIX NAME LARGEST READER`. Says, at the end, which messages of sender 0 it
 * has got, in a queue; else how many.
 */

import { readPattern } from "@libipc/testing/pattern";
import { args, say } from "@libipc/testing/program";
import { Control, ControlWord } from "../control.ts";
import { factories, type Kind } from "../names.ts";

const [kind = "", prefix = "", name = "", largest, reader] = args;
const control = new Control(prefix, name);
const receiver = factories[kind as Kind].receiver(name, { prefix });
const isQueue = kind === "queue";
const next: number[] = [];
const got: number[] = [];
let received = 0;

function accept(bytes: Uint8Array): void {
	const { sender, sequence } = readPattern(bytes, Number(largest));
	// A sender other than 0 may have been terminated, and another one begun with its number.
	const due = next[sender] ?? 0;
	if (!isQueue && sequence !== due && (sender === 0 || sequence !== 0))
		throw new Error(`sender ${sender}: message ${sequence} came where ${due} was due`);
	next[sender] = sequence + 1;
	if (sender !== 0) return;
	received++;
	if (isQueue) got.push(sequence);
	control.set(ControlWord.received + Number(reader), received);
}

/** Soon enough to see that it is over. */
const patience = { timeout: 50 };
const target = new Uint8Array(Number(largest));

async function read(): Promise<void> {
	for (let turn = 0; !control.isOver(kind); turn++) {
		if (reader === "1") {
			const message = await receiver.recvAsync(patience);
			if (message) accept(message);
		} else if (turn % 4 === 0) receiver.drain(accept, patience);
		else if (turn % 4 === 1) {
			const length = receiver.recvInto(target, patience);
			if (length >= 0) accept(target.subarray(0, length));
		} else if (turn % 4 === 2)
			receiver.drainBatch(({ bytes, count, offsets, lengths }) => {
				for (let i = 0; i < count; i++) {
					const offset = offsets[i] as number;
					accept(bytes.subarray(offset, offset + (lengths[i] as number)));
				}
			}, patience);
		else {
			const message = receiver.recv(patience);
			if (message) accept(message);
		}
	}
	say(JSON.stringify(isQueue ? got : received));
	receiver.close();
	control.memory.close();
}

say("ready");
void read();
