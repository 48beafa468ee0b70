/** Files of shared memory that tests leave behind when they are interrupted. */
import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
const DIRECTORY = "/dev/shm";
/** When this process started, with a margin for the clock of the file system. */
const STARTED_MS = Date.now() - performance.now() - 1000;
function isNew(path) {
    try {
        return statSync(path).birthtimeMs >= STARTED_MS || statSync(path).ctimeMs >= STARTED_MS;
    }
    catch {
        return false; // removed since the directory was read
    }
}
/**
 * Removes the segments that the given processes have named: tests put the id of a process into each name or prefix. A
 * file that is older than this process belongs to someone else, and stays. Does nothing on systems without `/dev/shm`.
 */
export function removeSegmentsOf(pids) {
    if (!existsSync(DIRECTORY))
        return [];
    const ids = new Set([...pids].map(String));
    const owned = readdirSync(DIRECTORY).filter((name) => name.startsWith("libipc.") &&
        [...name.matchAll(/\d+/g)].some(([number]) => ids.has(number)) &&
        isNew(`${DIRECTORY}/${name}`));
    for (const name of owned)
        rmSync(`${DIRECTORY}/${name}`, { force: true });
    return owned;
}
