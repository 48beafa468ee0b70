import { abi } from "@libipc/protocol";
import type { OpenFailure } from "../check/open_failure.ts";

const { failure: at, FAILURE_BYTES } = abi;

const decoder = new TextDecoder();

/** `ipc_failure` in `native/include/libipc/status.h`. */
export class NativeFailure implements OpenFailure {
	readonly bytes = new Uint8Array(FAILURE_BYTES);
	readonly #view = new DataView(this.bytes.buffer);

	get code(): number {
		return this.#view.getInt32(at.code, true);
	}
	set code(code: number) {
		this.bytes.fill(0);
		this.#view.setInt32(at.code, code, true);
	}
	get systemError(): number {
		return this.#view.getInt32(at.systemError, true);
	}
	get option(): number {
		return this.#view.getInt32(at.option, true);
	}
	get pid(): number {
		return this.#view.getInt32(at.pid, true);
	}
	get found(): number {
		return Number(this.#view.getBigUint64(at.found, true));
	}
	get cause(): number {
		return this.#view.getUint32(at.cause, true);
	}
	get codec(): string {
		return this.#text(at.codec);
	}
	get deadLetter(): string {
		return this.#text(at.deadLetter);
	}
	get path(): string {
		return this.#text(at.path);
	}
	get wanted(): number {
		return Number(this.#view.getBigUint64(at.wanted, true));
	}

	#text(offset: number): string {
		return decoder.decode(this.bytes.subarray(offset, this.bytes.indexOf(0, offset)));
	}
}
