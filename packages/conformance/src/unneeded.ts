/** What `clear()` without a prefix removes and keeps: a program that is killed leaves it, and then it is cleared step by step. */
import { Channel, clear, type ListedName, Mutex, RwLock, Semaphore } from "./under_test.ts";
import { warningsOf } from "./warnings.ts";

/** Opens names that need no owner, and some whose next owner has to learn that this one died. */
export function openNeededAndUnneeded(prefix: string): readonly unknown[] {
	const mutex = Mutex.open("locked", { prefix });
	const lock = RwLock.open("locked", { prefix: `${prefix}.other` });
	const permits = Semaphore.open("taken", { prefix, robust: true, initial: 2 });
	mutex.lock();
	lock.lock();
	permits.acquire();
	return [
		mutex,
		lock,
		permits,
		Mutex.open("free", { prefix }),
		Semaphore.open("free", { prefix }),
		Channel.receiver("messages", { prefix }),
	];
}

const named = (names: readonly ListedName[]): readonly string[] =>
	names.map(({ kind, name }) => `${kind} ${name}`).sort();

/** Clears what the program has left. Each step: what it removed, and the warnings that it caused. */
export async function clearInSteps(prefix: string): Promise<object> {
	const step = async (run: () => readonly ListedName[]): Promise<object> => {
		let removed: readonly string[] = [];
		const warnings = await warningsOf(() => {
			removed = named(run());
		});
		return { removed, warnings };
	};
	return {
		"without a prefix": await step(() => clear()),
		"a second time": await step(() => clear()),
		"with a prefix": await step(() => clear({ prefix })),
		all: await step(() => clear({ all: true })),
	};
}
