import { type Quote, symbols } from "../prices.ts";
import type { Request } from "./server.ts";

type Answer = { id: number; result: Quote } | { id: number; error: string };

const calls = new Map<number, PromiseWithResolvers<Quote>>();
const server = Bun.spawn([process.execPath, `${import.meta.dir}/server.ts`], {
	stdio: ["ignore", "inherit", "inherit"],
	serialization: "json",
	ipc(answer: Answer) {
		const call = calls.get(answer.id);
		calls.delete(answer.id);
		if ("error" in answer) call?.reject(new Error(answer.error));
		else call?.resolve(answer.result);
	},
	onDisconnect() {
		for (const call of calls.values()) call.reject(new Error("the server has ended"));
	},
});

let lastId = 0;
function request(method: Request["method"], symbol = ""): Promise<Quote> {
	const call = Promise.withResolvers<Quote>();
	const id = ++lastId;
	calls.set(id, call);
	server.send({ id, method, symbol });
	return call.promise;
}

for (const symbol of symbols) console.log(JSON.stringify(await request("quote", symbol)));
console.log("latest", JSON.stringify(await request("latest")));
server.disconnect();
