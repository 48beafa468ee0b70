import { Pull } from "zeromq";
import { type Order, orders } from "../orders.ts";

const [receiver, directory] = process.argv.slice(2);
const socket = new Pull();
socket.connect(`ipc://${directory}/${receiver}`);
for await (const [message] of socket) {
	const order: Order = JSON.parse(message.toString());
	console.log(JSON.stringify(order));
	if (order.id === orders.length) break;
}
