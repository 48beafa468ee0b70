// As a user writes it: values, with the codecs that need no other package.
import { defineChannel, IpcError } from "libipc";
import { json, structured, text } from "libipc/codecs";
import { sealed } from "libipc/codecs/sealed";

const prefix = `packed${process.pid}`;
const got = [];
for (const [codec, value] of [
	[text(), "text"],
	[json(), { json: 1 }],
	[structured(), new Map([[1, 2n]])],
	[sealed(text(), { id: 1, key: new Uint8Array(32).fill(1) }), "sealed"],
]) {
	const definition = defineChannel(codec.id, { prefix, codec });
	const receiver = definition.receiver();
	const sender = definition.sender();
	sender.send(value);
	got.push(receiver.recv());
	sender.close();
	receiver.close();
}
// Each of the others needs a package that is not installed here.
for (const name of ["msgpack", "protobuf", "flatbuffers"])
	await import(`libipc/codecs/${name}`).then(
		() => got.push(name),
		(error) => got.push(error instanceof IpcError ? error.code : "missing"),
	);
console.log(got.map((each) => (each instanceof Map ? String([...each]) : JSON.stringify(each))).join(" "));
