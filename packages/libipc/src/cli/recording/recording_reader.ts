import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { CommandFailure } from "../exit.ts";
import { checksumOf } from "./crc.ts";
import {
	BLOCK_BYTES,
	BLOCK_MAGIC,
	BlockType,
	block,
	Compression,
	type Description,
	END_BYTES,
	END_MAGIC,
	ENTRY_BYTES,
	end,
	entry,
	MAGIC,
	MOST_DESCRIPTION,
	RECORD_BYTES,
	type RecordedMessage,
	type RecordedName,
	RecordType,
	record,
	START_BYTES,
} from "./layout.ts";
import { decompress } from "./zstd.ts";

/** A block of records. */
interface BlockHeader {
	readonly offset: number;
	readonly stored: number;
	readonly plain: number;
	readonly count: number;
	readonly compression: number;
	readonly firstNumber: number;
	readonly firstTime: number;
	readonly lastTime: number;
	readonly content: number;
	readonly type: number;
}

/** Where a block begins, and what is in it. */
export type BlockPlace = Pick<BlockHeader, "offset" | "firstNumber" | "firstTime" | "lastTime" | "count">;

const long = (view: DataView, at: number): number => view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Reads a recording. Nothing in the file is believed before its checksum is right, and lengths are compared with the file's. */
export class RecordingReader implements Disposable {
	readonly description: Description;
	readonly byteLength: number;
	/** The blocks that are whole, in their order. Of a file with an end, the index says them. */
	readonly blocks: readonly BlockPlace[];
	/** What is missing or damaged; `undefined`: the recording is complete. */
	readonly damage: string | undefined;
	readonly #file: number;
	readonly #path: string;

	/** @throws CommandFailure if the file is no recording */
	constructor(path: string) {
		this.#path = path;
		this.#file = openSync(path, "r");
		try {
			this.byteLength = fstatSync(this.#file).size;
			this.description = this.#readDescription();
			const indexed = this.#readIndex();
			if (indexed) this.blocks = indexed;
			else {
				const { blocks, damage } = this.#scan();
				this.blocks = blocks;
				this.damage = damage;
			}
		} catch (error) {
			closeSync(this.#file);
			throw error;
		}
	}

	/** Messages in the whole blocks, without losses. */
	get messages(): number {
		const last = this.blocks.at(-1);
		if (!last) return 0;
		const { messages } = this.#readBlock(last.offset) ?? { messages: 0 };
		return last.firstNumber + messages;
	}

	/** When the last message was recorded; without one, the start. */
	get lastTime(): number {
		return this.blocks.at(-1)?.lastTime ?? this.description.startTime;
	}

	#read(offset: number, length: number): Uint8Array | undefined {
		if (!Number.isSafeInteger(offset) || offset < 0 || offset + length > this.byteLength) return undefined;
		const bytes = new Uint8Array(length);
		let at = 0;
		while (at < length) {
			const count = readSync(this.#file, bytes, at, length - at, offset + at);
			if (count === 0) return undefined; // it has become shorter
			at += count;
		}
		return bytes;
	}

	#notRecording(why: string): CommandFailure {
		return new CommandFailure(`${this.#path} is not a recording of libipc: ${why}.`);
	}

	#readDescription(): Description {
		const start = this.#read(0, START_BYTES);
		if (!start || new TextDecoder().decode(start.subarray(0, MAGIC.length)) !== MAGIC)
			throw this.#notRecording("it does not begin like one");
		const view = new DataView(start.buffer);
		const length = view.getUint32(8, true);
		const text = length <= MOST_DESCRIPTION ? this.#read(START_BYTES, length) : undefined;
		if (!text) throw this.#notRecording("it ends in its description");
		if (checksumOf(text) !== view.getUint32(12, true)) throw this.#notRecording("its description is damaged");
		const found: unknown = JSON.parse(decoder.decode(text));
		if (!isDescription(found)) throw this.#notRecording("this version of libipc does not know its description");
		this.#firstBlock = START_BYTES + length;
		return found;
	}

	#firstBlock = 0;

	/** The blocks that the index of a complete recording names; `undefined`: there is none, or it is damaged. */
	#readIndex(): BlockPlace[] | undefined {
		const last = this.#read(this.byteLength - END_BYTES, END_BYTES);
		if (!last || new TextDecoder().decode(last.subarray(0, END_MAGIC.length)) !== END_MAGIC) return undefined;
		const view = new DataView(last.buffer);
		if (checksumOf(last.subarray(0, end.checksum)) !== view.getUint32(end.checksum, true)) return undefined;
		const found = this.#readContent(long(view, end.indexOffset), BlockType.index);
		if (!found || found.header.count * ENTRY_BYTES !== found.content.byteLength) return undefined;
		const entries = new DataView(found.content.buffer, found.content.byteOffset, found.content.byteLength);
		return Array.from({ length: found.header.count }, (_, index) => {
			const at = index * ENTRY_BYTES;
			return {
				offset: long(entries, at + entry.offset),
				firstNumber: long(entries, at + entry.firstNumber),
				firstTime: long(entries, at + entry.firstTime),
				lastTime: long(entries, at + entry.lastTime),
				count: entries.getUint32(at + entry.count, true),
			};
		});
	}

	#readHeader(offset: number): BlockHeader | undefined {
		const bytes = this.#read(offset, BLOCK_BYTES);
		if (!bytes) return undefined;
		const view = new DataView(bytes.buffer);
		if (view.getUint32(block.magic, true) !== BLOCK_MAGIC) return undefined;
		if (checksumOf(bytes.subarray(0, block.checksum)) !== view.getUint32(block.checksum, true)) return undefined;
		return {
			offset,
			type: view.getUint32(block.type, true),
			stored: view.getUint32(block.stored, true),
			plain: view.getUint32(block.plain, true),
			count: view.getUint32(block.count, true),
			compression: view.getUint32(block.compression, true),
			firstNumber: long(view, block.firstNumber),
			firstTime: long(view, block.firstTime),
			lastTime: long(view, block.lastTime),
			content: view.getUint32(block.content, true),
		};
	}

	/** Finds the whole blocks of a recording without an index. */
	#scan(): { blocks: BlockPlace[]; damage: string } {
		const blocks: BlockPlace[] = [];
		let offset = this.#firstBlock;
		while (offset < this.byteLength) {
			const header = this.#readHeader(offset);
			if (header?.type === BlockType.index) break;
			if (!header || !this.#readContent(offset, BlockType.records)) break;
			blocks.push(header);
			offset += BLOCK_BYTES + header.stored;
		}
		const rest = this.byteLength - offset;
		const damage =
			rest === 0
				? "it has no end: the recorder was killed, or still runs"
				: `the last ${rest} bytes are not whole: it was cut off or damaged there`;
		return { blocks, damage };
	}

	/** The content of a block; `undefined`: it is not whole. */
	#readContent(offset: number, type: number): { header: BlockHeader; content: Uint8Array } | undefined {
		const header = this.#readHeader(offset);
		if (header?.type !== type) return undefined;
		const stored = this.#read(offset + BLOCK_BYTES, header.stored);
		if (!stored || checksumOf(stored) !== header.content) return undefined;
		if (header.compression === Compression.none)
			return header.stored === header.plain ? { header, content: stored } : undefined;
		if (header.compression !== Compression.zstd) return undefined;
		if (!decompress)
			throw new CommandFailure(
				`${this.#path} is compressed with zstd, which this runtime does not have. Use Bun, or Node 22.15 or later.`,
			);
		try {
			const content = decompress(stored, header.plain);
			return content.byteLength === header.plain ? { header, content } : undefined;
		} catch {
			return undefined;
		}
	}

	/** How many messages a block has, and its content; `undefined`: it is not whole. */
	#readBlock(offset: number): { messages: number; content: Uint8Array } | undefined {
		const found = this.#readContent(offset, BlockType.records);
		if (!found) return undefined;
		const view = new DataView(found.content.buffer, found.content.byteOffset, found.content.byteLength);
		let messages = 0;
		let at = 0;
		for (let i = 0; i < found.header.count; i++) {
			if (at + RECORD_BYTES > found.content.byteLength) return undefined;
			const next = at + RECORD_BYTES + view.getUint32(at + record.length, true);
			if (next > found.content.byteLength) return undefined;
			if (view.getUint16(at + record.name, true) >= this.description.names.length) return undefined;
			if (view.getUint16(at + record.type, true) === RecordType.message) messages++;
			at = next;
		}
		return at === found.content.byteLength ? { messages, content: found.content } : undefined;
	}

	/**
	 * The messages and losses in their order, from the first one on that was recorded at `from` nanoseconds or later. A block that is
	 * found to be damaged is passed to `onDamage`, and left out.
	 */
	*records(from = 0, onDamage: (place: BlockPlace) => void = () => {}): Generator<RecordedMessage> {
		for (const place of this.blocks) {
			if (place.lastTime < from) continue;
			const found = this.#readBlock(place.offset);
			if (!found) {
				onDamage(place);
				continue;
			}
			const { content } = found;
			const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
			for (let at = 0; at < content.byteLength; ) {
				const length = view.getUint32(at + record.length, true);
				const type = view.getUint16(at + record.type, true);
				const bytes = content.subarray(at + RECORD_BYTES, at + RECORD_BYTES + length);
				const time = long(view, at + record.time);
				const isLoss = type === RecordType.lost && length === 8;
				if (time >= from && (isLoss || type === RecordType.message))
					yield {
						name: view.getUint16(at + record.name, true),
						time,
						sentAt: long(view, at + record.sentAt),
						readAt: long(view, at + record.readAt),
						sender: view.getUint32(at + record.sender, true),
						lost: isLoss ? long(view, at + RECORD_BYTES) : 0,
						bytes: isLoss ? content.subarray(0, 0) : bytes,
					};
				at += RECORD_BYTES + length;
			}
		}
	}

	[Symbol.dispose](): void {
		closeSync(this.#file);
	}
}

const isText = (value: unknown): boolean => typeof value === "string";
const isCount = (value: unknown): boolean => Number.isSafeInteger(value);

function isRecordedName(value: unknown): value is RecordedName {
	if (value === null || typeof value !== "object") return false;
	const { kind, prefix, name, codec, stamped, capacity, maxReceivers, overflow, permissions } =
		value as Partial<RecordedName>;
	return (
		["route", "channel", "queue"].includes(kind as string) &&
		[prefix, name, codec].every(isText) &&
		typeof stamped === "boolean" &&
		[capacity, maxReceivers, permissions].every(isCount) &&
		["block", "drop-newest", "drop-oldest"].includes(overflow as string)
	);
}

function isDescription(value: unknown): value is Description {
	if (value === null || typeof value !== "object") return false;
	const { version, startedAt, startTime, order, names } = value as Partial<Description>;
	return (
		version === 1 &&
		isText(startedAt) &&
		typeof startTime === "number" &&
		(order === "sent" || order === "read") &&
		Array.isArray(names) &&
		names.every(isRecordedName)
	);
}
