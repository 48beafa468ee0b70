/**
 * The types of a service's client. `tsc` checks this file with all others (`bun run check`), and nothing runs it: a line after
 * `@ts-expect-error` must not compile.
 */
import { type AnyHandlers, Service, type ServiceClient } from "libipc/service";

/** Whether two types are the same, and not only assignable to each other. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles if the types are the same. */
const same = <A, B>(_: Same<A, B>): void => {};

interface Job {
	readonly id: number;
}

class Jobs {
	readonly #jobs: Job[] = [];

	/** Keeps its type parameter. */
	async echo<Value>(value: Value): Promise<Value> {
		return value;
	}

	/** TypeScript cannot keep it: the client gets the constraint. */
	instant<Value extends Job>(value: Value): Value {
		return value;
	}

	add(job: Job): number {
		return this.#jobs.push(job);
	}

	async find(id: number): Promise<Job | undefined> {
		return this.#jobs.find((job) => job.id === id);
	}

	bound(this: Jobs, id: number): Promise<number> {
		return Promise.resolve(id + this.#jobs.length);
	}

	async *all(): AsyncGenerator<Job> {
		yield* this.#jobs;
	}

	readonly traced = Service.withContext(async <Value>({ pid }: { readonly pid: number }, value: Value) => ({
		pid,
		value,
	}));
}

export async function types(client: ServiceClient<Jobs>, any: ServiceClient<AnyHandlers>): Promise<void> {
	const job = await client.echo({ id: 1, name: "first" });
	same<typeof job, { id: number; name: string }>(true);
	const traced = await client.traced("text");
	same<typeof traced, { pid: number; value: string }>(true);
	const named = { id: 1, name: "first" };
	const instant = await client.instant(named);
	same<typeof instant, Job>(true);
	// @ts-expect-error: the constraint is a Job
	await client.instant("text");
	same<ReturnType<typeof client.add>, Promise<number>>(true);
	same<ReturnType<typeof client.find>, Promise<Job | undefined>>(true);
	same<ReturnType<typeof client.all>, AsyncIterable<Job>>(true);
	same<typeof client.bound, (id: number) => Promise<number>>(true);
	// @ts-expect-error: an id is a number
	await client.find("1");
	const { $sync } = client;
	const synced = $sync.instant(named);
	same<typeof synced, { id: number; name: string }>(true);
	same<ReturnType<typeof $sync.find>, Job | undefined>(true);
	same<ReturnType<typeof $sync.all>, Iterable<Job>>(true);
	same<ReturnType<typeof $sync.echo>, unknown>(true);
	const limited = await client.$with({ timeout: 1 }).echo([1]);
	same<typeof limited, number[]>(true);
	same<ReturnType<NonNullable<typeof any.whatever>>, Promise<unknown>>(true);
	Service.connect<Jobs>("jobs", { waitForServer: 500 });
	// @ts-expect-error: milliseconds, yes or no
	Service.connect<Jobs>("jobs", { waitForServer: "no" });
}
