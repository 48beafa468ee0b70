// Two processes: one is started with `receive`, the other with `send`; the second argument is the prefix of their names.
// The receiver gets 1,000 messages, checks their order and every byte, and answers with their number. It waits for half of
// them by blocking the thread, and for the others in the event loop.
import { engine, Route } from "libipc";

const MESSAGES = 1000;
const timeout = 120_000;
const [role, prefix] = process.argv.slice(2);

/** The length and the bytes of a message follow from its number. */
function messageOf(number) {
	const bytes = new Uint8Array(1 + ((number * 37) % 3000));
	for (let at = 0; at < bytes.length; at++) bytes[at] = (number + 31 * at) & 255;
	return bytes;
}

function check(received, number) {
	const expected = messageOf(number);
	if (received?.length !== expected.length) throw new Error(`message ${number} has ${received?.length} bytes`);
	for (let at = 0; at < expected.length; at++)
		if (received[at] !== expected[at]) throw new Error(`byte ${at} of message ${number} is ${received[at]}`);
}

async function receive() {
	const messages = Route.receiver("messages", { prefix });
	const answers = Route.sender("answers", { prefix });
	for (let number = 0; number < MESSAGES; number++)
		check(number % 2 === 0 ? messages.recv({ timeout }) : await messages.recvAsync({ timeout }), number);
	if (!answers.waitForReceivers(1, { timeout }) || !answers.send(`${MESSAGES}`))
		throw new Error(`the answer was not sent: ${answers.refusal}`);
	messages.close();
	answers.close();
}

async function send() {
	const answers = Route.receiver("answers", { prefix });
	const messages = Route.sender("messages", { prefix });
	if (!(await messages.receiversReady(1, { timeout }))) throw new Error("no receiver has come");
	for (let number = 0; number < MESSAGES; number++)
		if (!messages.send(messageOf(number), { timeout })) throw new Error(`not sent: ${messages.refusal}`);
	const answer = new TextDecoder().decode((await answers.recvAsync({ timeout })) ?? undefined);
	if (answer !== `${MESSAGES}`) throw new Error(`the answer is "${answer}"`);
	messages.close();
	answers.close();
}

async function main() {
	const { name, reason } = engine();
	if (name !== "native") throw new Error(`the engine is ${name}: ${reason}`);
	await (role === "receive" ? receive() : send());
	console.log(`${MESSAGES} messages`);
}

main().catch((error) => {
	console.error(error);
	process.exit(1);
});
