/** Moments that are too short to meet by chance: an engine that changes the value at them. */
import { afterAll, expect, test } from "bun:test";
import { type EngineLatest, Status } from "@libipc/protocol";
import { Names } from "@libipc/testing/names";
import { text } from "@libipc/testing/text";
import { createApi } from "../api.ts";
import { nativeEngine } from "../bun/engine.ts";
import * as library from "../index.ts";

const names = new Names("latest_moments", library);
const { prefix } = names;

afterAll(() => names.clear());

/** A handle whose engine `change` has changed. */
function open(name: string, change: (engine: EngineLatest) => void): library.Latest {
	const { Latest } = createApi(() => ({
		...nativeEngine,
		openLatest(...args) {
			const engine = nativeEngine.openLatest(...args);
			change(engine);
			return engine;
		},
	}));
	return Latest.open(name, { prefix });
}

test("a value that grows after its length was read is read whole", () => {
	using other = library.Latest.open(names.next(), { prefix });
	using latest = open(other.name, (engine) => {
		const length = engine.length.bind(engine);
		engine.length = () => {
			const found = length();
			other.set(new Uint8Array(9000).fill(9));
			return found;
		};
	});
	other.set(new Uint8Array(5000));
	expect(latest.get()).toEqual(new Uint8Array(9000).fill(9));
});

test("a value that is set when the time is up ends the wait", () => {
	using other = library.Latest.open(names.next(), { prefix });
	using latest = open(other.name, (engine) => {
		const sleep = engine.sleep.bind(engine);
		engine.sleep = (wait, timeout) => {
			const status = sleep(wait, timeout);
			if (status === Status.timedOut) other.set("late");
			return status;
		};
	});
	expect(text(latest.wait({ timeout: 1 }))).toBe("late");
});
