/** Receives orders as JSON: `zeromq_orders.program.ts MODULE ADDRESS`. */
import { ready, receiveOrders } from "../typed/receive_orders.ts";
import { loadZeroMq } from "../zeromq_module.ts";

const [module = "", address = ""] = process.argv.slice(2);
const take = receiveOrders();
const { Pull } = await loadZeroMq(module);
const socket = new Pull();
socket.connect(address);
ready();
for await (const [message] of socket) if (message !== undefined) take(JSON.parse(message.toString()));
