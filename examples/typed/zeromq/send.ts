import { Push } from "zeromq";
import { orders } from "../orders.ts";

const [receivers, directory] = process.argv.slice(2);
const sockets = Array.from({ length: Number(receivers) }, () => new Push());
await Promise.all(sockets.map((socket, receiver) => socket.bind(`ipc://${directory}/${receiver}`)));
for (const order of orders) {
	const message = JSON.stringify(order);
	await Promise.all(sockets.map((socket) => socket.send(message)));
}
