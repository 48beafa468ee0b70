import { ready, receiveOrders } from "./receive_orders.ts";

process.on("message", receiveOrders());
ready();
