/** The processes of this machine: which descend from this one, and how to end all of them. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
/** The fields of `/proc/<pid>/stat` that follow the name, which is in parentheses and may have spaces. */
function entryOf(pid) {
    try {
        const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
        const [state, parent, , session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        // A zombie has ended: its parent has not read its status yet.
        if (state === "Z" || state === "X")
            return undefined;
        return { pid: Number(pid), parent: Number(parent), session: Number(session) };
    }
    catch {
        return undefined; // it has ended since the directory was read
    }
}
function processes() {
    if (process.platform === "linux")
        return readdirSync("/proc")
            .filter((name) => /^\d+$/.test(name))
            .flatMap((pid) => entryOf(pid) ?? []);
    const { stdout } = spawnSync("ps", ["-axo", "pid=,ppid=,pgid=,stat="], { encoding: "utf8" });
    return stdout.split("\n").flatMap((line) => {
        const [pid, parent, session, state] = line.trim().split(/\s+/);
        return pid && !state?.startsWith("Z")
            ? [{ pid: Number(pid), parent: Number(parent), session: Number(session) }]
            : [];
    });
}
/** The descendants of a process, without itself. */
export function descendantsOf(pid) {
    const all = processes();
    const found = [];
    const parents = new Set([pid]);
    for (let added = -1; added !== 0;) {
        const next = all.filter((entry) => parents.has(entry.parent) && !parents.has(entry.pid));
        added = next.length;
        for (const entry of next)
            parents.add(entry.pid);
        found.push(...next);
    }
    return found;
}
/** Whether a process runs. One that has ended does not, even if its parent has not read its status. */
export const isRunning = (pid) => processes().some((entry) => entry.pid === pid);
/** The session that this process belongs to. */
export function ownSession() {
    return processes().find(({ pid }) => pid === process.pid)?.session ?? 0;
}
/** The parent of a process, the parent of that, and so on; on Linux. */
export function ancestorsOf(pid) {
    const ancestors = [];
    for (let next = entryOf(`${pid}`)?.parent; next; next = entryOf(`${next}`)?.parent) {
        const file = `/proc/${next}/cmdline`;
        const command = existsSync(file) ? readFileSync(file, "utf8").replaceAll("\0", " ") : "";
        ancestors.push({ pid: next, command });
    }
    return ancestors;
}
function signal(pid, name) {
    try {
        process.kill(pid, name);
    }
    catch {
        // It has ended.
    }
}
/**
 * Kills what is left of the given sessions, until nothing of them runs. A process of a session whose leader has ended is still
 * of that session, and cannot leave it by changing its process group.
 */
export async function endSessions(sessions, attempts = 100) {
    const ended = new Set();
    for (let attempt = 0; attempt < attempts; attempt++) {
        const left = processes().filter(({ pid, session }) => sessions.has(session) && pid !== process.pid);
        if (left.length === 0)
            break;
        for (const { pid } of left) {
            ended.add(pid);
            signal(pid, "SIGKILL");
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return [...ended];
}
/** Kills what is left of a process group. */
export const killGroup = (leader) => signal(-leader, "SIGKILL");
export const kill = (pid) => signal(pid, "SIGKILL");
/** Asks a process to end. */
export const terminate = (pid) => signal(pid, "SIGTERM");
