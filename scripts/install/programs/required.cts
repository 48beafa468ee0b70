// A CommonJS file that requires libipc.
import libipc = require("libipc");

import { json } from "libipc/codecs";
import { sealed } from "libipc/codecs/sealed";
import { defineService, Service } from "libipc/service";
import { BroadcastChannel, locks } from "libipc/web";

function publish(text: string): boolean {
	const sender: libipc.Sender = libipc.Route.sender("prices");
	try {
		return sender.send(text);
	} finally {
		sender.close();
	}
}

publish("42.17");

const key = { id: 1, key: new Uint8Array(32) };
const receiver = libipc.Channel.receiver("orders", { codec: sealed(json<{ id: number }>(), key) });
const id: number | undefined = receiver.recv()?.id;

const handlers = { quote: (symbol: string) => ({ symbol, price: 42.17 }) };
const answer: Promise<{ price: number }> = Service.connect<typeof handlers>("prices").quote("BUN");
defineService<typeof handlers>("prices").serve(handlers).close();

const news: BroadcastChannel = new BroadcastChannel("news");
void locks.request("accounts", () => console.log(id, answer, news.name));
