import { parentPort } from "node:worker_threads";
import { ready, receiveOrders } from "./receive_orders.ts";

parentPort?.on("message", receiveOrders());
ready();
