/** Asks questions that a program in another language answers: see docs/c.md. `bun ask.ts [prefix]` */
import { Channel, Queue } from "libipc";

const prefix = process.argv[2] ?? "";
const decoder = new TextDecoder();

using answers = Channel.receiver("answers", { prefix });
using questions = Queue.sender("questions", { prefix });
for (const question of ["who is there?", "in which language?", "why so loud?"]) {
	questions.send(question); // It waits in the queue until somebody takes it.
	const answer = answers.recv({ timeout: 10_000 });
	if (answer === null) throw new Error("No answer came within 10 s: is the other program running?");
	console.log(`${question} ${decoder.decode(answer)}`);
}
questions.send(""); // The other program ends.
