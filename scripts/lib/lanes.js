import { availableParallelism } from "node:os";
/**
 * Does the jobs in their order, several at once.
 * @param lanes how many at once. By default as many as there are processors.
 */
export async function inLanes(jobs, work, lanes = availableParallelism()) {
    const left = jobs[Symbol.iterator]();
    const lane = async () => {
        for (let next = left.next(); !next.done; next = left.next())
            await work(next.value);
    };
    await Promise.all(Array.from({ length: lanes }, lane));
}
