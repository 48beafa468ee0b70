// As a user writes it: the interfaces of the web, global and imported.
process.env.LIBIPC_PREFIX = `packed${process.pid}`;
await import("libipc/web/global");
const { BroadcastChannel: imported, createWeb, locks } = await import("libipc/web");
const { list } = await import("libipc");
const { createRequire } = await import("node:module");
const required = createRequire(import.meta.url)("libipc/web");

const web = createWeb();
const from = new BroadcastChannel("news");
const to = new web.BroadcastChannel("news");
const data = await new Promise((resolve) => {
	to.onmessage = (event) => resolve(event.data);
	from.postMessage("hello");
});
const names = await navigator.locks.request("one", () => list({ prefix: process.env.LIBIPC_PREFIX }).length);
console.log(data, names, BroadcastChannel === imported, navigator.locks === locks, required.locks === locks);
from.close();
to.close();
