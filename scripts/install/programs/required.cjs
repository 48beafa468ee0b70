// A CommonJS program. The second argument is the prefix of its names.
const { engine, Route } = require("libipc");

const { name, reason } = engine();
if (name !== "native") throw new Error(`the engine is ${name}: ${reason}`);
const options = { prefix: process.argv[2] };
const receiver = Route.receiver("required", options);
const sender = Route.sender("required", options);
sender.send("42.17");
console.log(new TextDecoder().decode(receiver.recv()));
sender.close();
receiver.close();
