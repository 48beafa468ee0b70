import {
	bareFrame,
	CALL_BYTES,
	creditFrame,
	FrameType,
	HEADER_BYTES,
	ID_LIMIT,
	METHOD_BYTES,
	writeCall,
	writeHeader,
} from "../frames.ts";

/** A whole number below `end`. */
export type Random = (end: number) => number;

/** Who the frames are from and for, so that some of them hit. */
export interface FrameIds {
	readonly client: number;
	readonly server: number;
	/** A call that runs. */
	readonly call: number;
	readonly method: string;
}

const U32 = 2 ** 32;
const odd = [0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff];

const bytesOf = (length: number, random: Random): Uint8Array => Uint8Array.from({ length }, () => random(256));

const payloadOf = (random: Random): Uint8Array => {
	const texts = ['["a"]', "[]", '{"error":{"name":"E","message":"m"}}', '{"code":"ERR_IPC_PEER_DIED"}', "1", "nul", ""];
	return random(4) === 0
		? bytesOf(random(40), random)
		: new TextEncoder().encode(texts[random(texts.length)] as string);
};

/** A frame as the library writes it. */
export function validFrame(random: Random, { client, server, call, method }: FrameIds): Uint8Array {
	const type = 1 + random(FrameType.args);
	const payload = payloadOf(random);
	if (type === FrameType.call) {
		const name = new TextEncoder().encode(random(3) === 0 ? "m".repeat(1 + random(METHOD_BYTES)) : method);
		const bytes = new Uint8Array(CALL_BYTES + name.byteLength + payload.byteLength);
		const id = random(3) === 0 ? 1 + random(1000) : client;
		const [deadline, credit] = [random(4) === 0 ? random(U32) : 0, random(100)];
		const fields = { flags: random(3), call: random(1000), client: id, deadline, pid: random(U32), uid: random(U32) };
		writeCall(bytes, name, { ...fields, credit, argsLength: random(100) });
		bytes.set(payload, CALL_BYTES + name.byteLength);
		return bytes;
	}
	const id = type >= FrameType.cancel ? client : server;
	if (type === FrameType.credit) return creditFrame(call, id, random(U32));
	if (type === FrameType.cancel || type === FrameType.end || type === FrameType.started)
		return bareFrame(type, random(8), call, id);
	const bytes = new Uint8Array(HEADER_BYTES + payload.byteLength);
	writeHeader(bytes, type, random(3), call, id);
	bytes.set(payload, HEADER_BYTES);
	return bytes;
}

/** A frame that was changed, or random bytes. */
export function anyFrame(random: Random, ids: FrameIds): Uint8Array {
	const frame = validFrame(random, ids);
	const view = new DataView(frame.buffer);
	switch (random(8)) {
		case 0:
			return bytesOf(random(120), random);
		case 1:
			return frame.subarray(0, random(frame.byteLength + 1));
		case 2: // another type or version
			frame[random(2)] = random(14);
			return frame;
		case 3: // lengths and numbers of any kind
			if (frame.byteLength >= CALL_BYTES) view.setUint16(40, (odd[random(odd.length)] as number) & 0xffff, true);
			view.setUint32(4, odd[random(odd.length)] as number, true);
			return frame;
		case 4:
			view.setUint32(8 + 4 * random(2), random(2) === 0 ? Math.floor(ID_LIMIT / U32) : random(U32), true);
			return frame;
		case 5:
			return Uint8Array.from([...frame, ...bytesOf(1 + random(20), random)]);
		case 6:
			return frame;
		default:
			for (let changes = 1 + random(4); changes > 0; changes--) {
				const at = random(frame.byteLength);
				frame[at] = (frame[at] as number) ^ (1 << random(8));
			}
			return frame;
	}
}
