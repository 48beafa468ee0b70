import { nodeAlternative } from "../node_alternative.ts";

/** JSON over the sockets of ZeroMQ, in Node. */
export const zeromqInNode = nodeAlternative("ZeroMQ in Node", "zeromqOrders");
