import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
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
	RECORD_BYTES,
	RecordType,
	record,
	START_BYTES,
} from "./layout.ts";
import { compress } from "./zstd.ts";

/** A block is written when it has so many bytes. A larger message has a block of its own. */
const BLOCK_TARGET = 512 << 10;

interface IndexEntry {
	readonly offset: number;
	readonly firstNumber: number;
	readonly firstTime: number;
	readonly lastTime: number;
	readonly count: number;
	readonly plain: number;
}

const encoder = new TextEncoder();

/** Writes a recording. Nothing is kept longer than until the next {@link flush}. */
export class RecordingWriter {
	readonly #file: number;
	readonly #isCompressed: boolean;
	readonly #index: IndexEntry[] = [];
	/** The header of the block, and its records so far. */
	#bytes = new Uint8Array(BLOCK_BYTES + BLOCK_TARGET);
	#view = new DataView(this.#bytes.buffer);
	#at = BLOCK_BYTES;
	#count = 0;
	#messagesInBlock = 0;
	#firstTime = 0;
	#lastTime = 0;
	/** Bytes of the file so far. */
	#offset = 0;
	#messages = 0;

	/**
	 * Creates the file; one that exists is overwritten.
	 *
	 * @param isCompressed - Only where {@link compress} exists.
	 */
	constructor(path: string, description: Description, isCompressed: boolean) {
		this.#isCompressed = isCompressed && compress !== undefined;
		const text = encoder.encode(JSON.stringify(description));
		const start = new Uint8Array(START_BYTES + text.byteLength);
		encoder.encodeInto(MAGIC, start);
		const view = new DataView(start.buffer);
		view.setUint32(8, text.byteLength, true);
		view.setUint32(12, checksumOf(text), true);
		start.set(text, START_BYTES);
		this.#file = openSync(path, "w", 0o600);
		this.#write(start);
	}

	/** Messages so far, without losses. */
	get messages(): number {
		return this.#messages;
	}

	/** Bytes in the file so far. */
	get byteLength(): number {
		return this.#offset;
	}

	/** Adds a message. Its bytes are copied. A `time` before that of the last record counts as the same. */
	add(name: number, time: number, sentAt: number, readAt: number, sender: number, bytes: Uint8Array): void {
		this.#addRecord(name, RecordType.message, time, sentAt, readAt, sender, bytes);
		this.#messages++;
		this.#messagesInBlock++;
	}

	/** Says that so many messages of a name were overwritten before they could be read. */
	addLost(name: number, time: number, count: number): void {
		const content = new Uint8Array(8);
		new DataView(content.buffer).setBigUint64(0, BigInt(count), true);
		this.#addRecord(name, RecordType.lost, time, 0, time, 0, content);
	}

	#addRecord(
		name: number,
		type: number,
		time: number,
		sentAt: number,
		readAt: number,
		sender: number,
		bytes: Uint8Array,
	): void {
		const needed = RECORD_BYTES + bytes.byteLength;
		if (this.#count > 0 && this.#at + needed > BLOCK_BYTES + BLOCK_TARGET) this.flush();
		if (this.#at + needed > this.#bytes.byteLength) {
			this.#bytes = new Uint8Array(BLOCK_BYTES + needed);
			this.#view = new DataView(this.#bytes.buffer);
		}
		const at = this.#at;
		const view = this.#view;
		view.setUint16(at + record.name, name, true);
		view.setUint16(at + record.type, type, true);
		view.setUint32(at + record.length, bytes.byteLength, true);
		if (time > this.#lastTime) this.#lastTime = time;
		if (this.#count === 0) this.#firstTime = this.#lastTime;
		setLong(view, at + record.time, this.#lastTime);
		setLong(view, at + record.sentAt, sentAt);
		setLong(view, at + record.readAt, readAt);
		view.setUint32(at + record.sender, sender, true);
		view.setUint32(at + record.sender + 4, 0, true);
		this.#bytes.set(bytes, at + RECORD_BYTES);
		this.#at = at + needed;
		this.#count++;
	}

	/** Writes what there is as a block: the recording is whole up to here, also if the process is killed. */
	flush(): void {
		if (this.#count === 0) return;
		const plain = this.#at - BLOCK_BYTES;
		const firstNumber = this.#messages - this.#messagesInBlock;
		this.#index.push({
			offset: this.#offset,
			firstNumber,
			firstTime: this.#firstTime,
			lastTime: this.#lastTime,
			count: this.#count,
			plain,
		});
		this.#writeBlock(BlockType.records, plain, this.#count, firstNumber, this.#firstTime, this.#lastTime);
		if (this.#bytes.byteLength > BLOCK_BYTES + BLOCK_TARGET) {
			this.#bytes = new Uint8Array(BLOCK_BYTES + BLOCK_TARGET);
			this.#view = new DataView(this.#bytes.buffer);
		}
		this.#at = BLOCK_BYTES;
		this.#count = this.#messagesInBlock = 0;
	}

	/** Writes a block whose content is behind the space for its header. */
	#writeBlock(type: number, plain: number, count: number, firstNumber: number, first: number, last: number): void {
		let bytes = this.#bytes.subarray(0, BLOCK_BYTES + plain);
		let isCompressed = false;
		if (this.#isCompressed && compress) {
			const smaller = compress(bytes.subarray(BLOCK_BYTES));
			if (smaller.byteLength < plain) {
				isCompressed = true;
				bytes.set(smaller, BLOCK_BYTES);
				bytes = bytes.subarray(0, BLOCK_BYTES + smaller.byteLength);
			}
		}
		const view = this.#view;
		view.setUint32(block.magic, BLOCK_MAGIC, true);
		view.setUint32(block.type, type, true);
		view.setUint32(block.stored, bytes.byteLength - BLOCK_BYTES, true);
		view.setUint32(block.plain, plain, true);
		view.setUint32(block.count, count, true);
		view.setUint32(block.compression, isCompressed ? Compression.zstd : Compression.none, true);
		setLong(view, block.firstNumber, firstNumber);
		setLong(view, block.firstTime, first);
		setLong(view, block.lastTime, last);
		view.setUint32(block.content, checksumOf(bytes.subarray(BLOCK_BYTES)), true);
		view.setUint32(block.checksum, checksumOf(bytes.subarray(0, block.checksum)), true);
		this.#write(bytes);
	}

	#write(bytes: Uint8Array): void {
		let at = 0;
		while (at < bytes.byteLength) at += writeSync(this.#file, bytes, at);
		this.#offset += bytes.byteLength;
	}

	/** Writes the rest, the index and the end, and has the system write all of it to the disk. */
	close(): void {
		this.flush();
		const indexOffset = this.#offset;
		const plain = this.#index.length * ENTRY_BYTES;
		this.#bytes = new Uint8Array(BLOCK_BYTES + plain);
		this.#view = new DataView(this.#bytes.buffer);
		let at = BLOCK_BYTES;
		for (const each of this.#index) {
			setLong(this.#view, at + entry.offset, each.offset);
			setLong(this.#view, at + entry.firstNumber, each.firstNumber);
			setLong(this.#view, at + entry.firstTime, each.firstTime);
			setLong(this.#view, at + entry.lastTime, each.lastTime);
			this.#view.setUint32(at + entry.count, each.count, true);
			this.#view.setUint32(at + entry.plain, each.plain, true);
			at += ENTRY_BYTES;
		}
		this.#writeBlock(BlockType.index, plain, this.#index.length, this.#messages, 0, 0);
		const last = new Uint8Array(END_BYTES);
		const view = new DataView(last.buffer);
		encoder.encodeInto(END_MAGIC, last);
		setLong(view, end.indexOffset, indexOffset);
		setLong(view, end.messages, this.#messages);
		view.setUint32(end.checksum, checksumOf(last.subarray(0, end.checksum)), true);
		this.#write(last);
		fsyncSync(this.#file);
		closeSync(this.#file);
	}
}

/** A whole number from 0 to 2^53 as 64 bits: faster than a BigInt. */
function setLong(view: DataView, at: number, value: number): void {
	const whole = value >= 0 ? Math.min(Math.floor(value), Number.MAX_SAFE_INTEGER) : 0;
	view.setUint32(at, whole % 2 ** 32, true);
	view.setUint32(at + 4, Math.floor(whole / 2 ** 32), true);
}
