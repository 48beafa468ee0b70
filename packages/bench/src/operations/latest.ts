/** The rows of bench:operations about latest values: beside a copy and a call into C, and with 64 readers at full speed. */
import { Latest } from "libipc";
import { bench, do_not_optimize, group } from "mitata";
import { startProgram } from "./start_readers.ts";

const SIZES = [16, 256, 4096, 65_536];
const READERS = 64;
/** The fastest of so many series: what the rest of the machine does takes nothing from it. */
const SERIES = 200;
const CALLS = 500;

export function latest(prefix: string): void {
	const stack = new DisposableStack();
	for (const size of SIZES) {
		const value = new Uint8Array(size).fill(1);
		const target = new Uint8Array(size);
		const writer = stack.use(Latest.open(`latest ${size}`, { prefix }));
		const reader = stack.use(Latest.open(`latest ${size}`, { prefix }));
		writer.set(value);
		group(`a latest value of ${size.toLocaleString("en")} B`, () => {
			bench("a copy and a call into C", () => {
				target.set(value);
				return do_not_optimize(reader.version);
			});
			bench("getInto", () => do_not_optimize(reader.getInto(target)));
			bench("get", () => do_not_optimize(reader.get()));
			bench("set", () => do_not_optimize(writer.set(value)));
		});
	}
	process.on("exit", () => stack.dispose());
}

/** Nanoseconds for each call, in the fastest series. */
function fastest(call: () => unknown): number {
	let least = Infinity;
	for (let series = 0; series < SERIES; series++) {
		const begun = process.hrtime.bigint();
		for (let i = 0; i < CALLS; i++) do_not_optimize(call());
		least = Math.min(least, Number(process.hrtime.bigint() - begun) / CALLS);
	}
	return least;
}

/** Sets and gets beside another process that gets by 64 handles at full speed; and beside one that sets at full speed. */
export async function latestBesideOthers(prefix: string): Promise<void> {
	console.log(`\nlatest value, ns a call, the fastest of ${SERIES} series of ${CALLS}:`);
	for (const size of SIZES) {
		const name = `beside ${size}`;
		const value = new Uint8Array(size).fill(1);
		const target = new Uint8Array(size);
		using latest = Latest.open(name, { prefix, maxHandles: READERS + 2 });
		latest.set(value);
		const copy = fastest(() => {
			target.set(value);
			return latest.version;
		});
		const set = fastest(() => latest.set(value));
		const get = fastest(() => latest.getInto(target));
		await using readers = await startProgram("gets", prefix, name, READERS);
		const setBeside = fastest(() => latest.set(value));
		await readers.kill();
		await using writer = await startProgram("sets", prefix, name, size);
		const getBeside = fastest(() => latest.getInto(target));
		await writer.kill();
		const ratio = (ns: number, of: number): string => `${ns.toFixed(0)} (${(ns / of).toFixed(2)})`;
		console.log(
			`${size.toLocaleString("en").padStart(7)} B: copy and call ${copy.toFixed(0)}; getInto ${ratio(get, copy)}, beside a writer ${ratio(getBeside, copy)}; ` +
				`set ${set.toFixed(0)}, beside ${READERS} readers ${ratio(setBeside, set)}`,
		);
	}
}
