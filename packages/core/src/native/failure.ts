import type { OpenFailure } from "../check/open_failure.ts";

/** `ipc_failure` in `native/include/libipc/status.h`. */
export class NativeFailure implements OpenFailure {
	readonly bytes = new Uint8Array(32);
	readonly #view = new DataView(this.bytes.buffer);

	get code(): number {
		return this.#view.getInt32(0, true);
	}
	set code(code: number) {
		this.bytes.fill(0);
		this.#view.setInt32(0, code, true);
	}
	get systemError(): number {
		return this.#view.getInt32(4, true);
	}
	get option(): number {
		return this.#view.getInt32(8, true);
	}
	get pid(): number {
		return this.#view.getInt32(12, true);
	}
	get found(): number {
		return Number(this.#view.getBigUint64(16, true));
	}
	get wanted(): number {
		return Number(this.#view.getBigUint64(24, true));
	}
}
