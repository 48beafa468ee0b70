import {
	Channel,
	Condition,
	Latest,
	Mutex,
	Queue,
	Route,
	RwLock,
	Semaphore,
	SharedMemory,
	Signal,
} from "./under_test.ts";

interface Opened extends Disposable {
	readonly closed: boolean;
}

/** Opens one name of every kind: the ends that `list()` shows as in use. */
export function openEachKind(name: string, options: { readonly prefix?: string } = {}): readonly Opened[] {
	return [
		Route.sender(name, options),
		Route.receiver(name, options),
		Channel.sender(name, options),
		Queue.receiver(name, options),
		Mutex.open(name, options),
		Condition.open(name, options),
		Semaphore.open(name, options),
		RwLock.open(name, options),
		SharedMemory.open(name, { ...options, size: 64 }),
		Signal.open(name, options),
		Latest.open(name, options),
	];
}

/** The kinds that {@link openEachKind} opens, as `list()` sorts them. */
export const eachKind: readonly string[] = [
	"channel",
	"condition",
	"latest",
	"memory",
	"mutex",
	"queue",
	"route",
	"rwlock",
	"semaphore",
	"signal",
];
