import { accessSync, constants, readFileSync, statfsSync, statSync } from "node:fs";
import { bytes, counted, whole } from "../format.ts";
import { type Finding, ok, problem, warning } from "./finding.ts";

/** What a channel and a queue with default options take: docs/containers.md, "Sizes". */
const DEFAULT_NAME_BYTES = 1_191_936;
/** Fewer such names, or fewer other files, are a reason for a warning. */
const FEW = 16;

/** The types of file systems, as `statfs` shows them. */
const types: ReadonlyMap<number, string> = new Map([
	[0x0102_1994, "tmpfs"],
	[0x8584_58f6, "ramfs"],
	[0xef53, "ext4"],
	[0x5846_5342, "xfs"],
	[0x9123_683e, "btrfs"],
	[0x794c_7630, "overlay"],
	[0x6969, "nfs"],
	[0xff53_4d42, "cifs"],
	[0x6573_5546, "fuse"],
]);
const remote: readonly (string | undefined)[] = ["nfs", "cifs"];
const inMemory: readonly (string | undefined)[] = ["tmpfs", "ramfs"];

const failureOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);

/** Who owns the folder of all names, and who may write to it. */
function checkAccess(folder: string): Finding {
	const { mode, uid } = statSync(folder);
	const rights = (mode & 0o7777).toString(8).padStart(4, "0");
	const found = `${folder}, mode ${rights}, of user ${uid}`;
	try {
		accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
	} catch (error) {
		const code = failureOf(error);
		const advice =
			code === "EROFS"
				? "It is mounted read-only: mount it for writing"
				: "This user may not write to it: give it mode 1777";
		return problem("folder", `${found} (${code})`, `${advice}, or set LIBIPC_DIR to another folder.`);
	}
	const othersWrite = (mode & 0o022) !== 0;
	if (othersWrite && (mode & 0o1000) === 0)
		return warning("folder", found, `Other users may remove files of this one: chmod +t ${folder} (mode 1777).`);
	return ok("folder", found);
}

/** How much room the folder has for names. */
function checkSpace(folder: string): Finding[] {
	const { type, bsize, blocks, bavail, files, ffree } = statfsSync(folder);
	const name = types.get(type >>> 0);
	const findings: Finding[] = [];
	const title = name ?? `type 0x${(type >>> 0).toString(16)}`;
	if (remote.includes(name))
		findings.push(problem("storage", title, "A network file system does not work between machines: use a tmpfs."));
	else if (!inMemory.includes(name))
		findings.push(
			warning("storage", title, "It is not in memory, so the kernel writes changes to a disk: use a tmpfs."),
		);
	else findings.push(ok("storage", title));
	if (name === "ramfs") return findings; // it has no size
	const free = bsize * bavail;
	const room = Math.floor(free / DEFAULT_NAME_BYTES);
	const space = `${bytes(free)} free of ${bytes(bsize * blocks)}: ${counted(room, "name")} with default options`;
	const enlarge = `Enlarge it (mount -o remount,size=1g ${folder}; docker run --shm-size=1g), open names with a smaller capacity, or remove what was left (libipc clear).`;
	if (room === 0) findings.push(problem("space", space, enlarge));
	else findings.push(room < FEW ? warning("space", space, enlarge) : ok("space", space));
	// Some file systems do not count files.
	if (files > 0 && ffree < FEW)
		findings.push(
			warning("files", `${whole(ffree)} more files are possible`, "Enlarge the number of files (nr_inodes)."),
		);
	return findings;
}

/** What the memory limit of the control group leaves. Names count as memory of the group. */
export function checkMemoryLimit(): Finding[] {
	const number = (path: string): number => {
		try {
			return Number(readFileSync(path, "utf8"));
		} catch {
			return Number.NaN;
		}
	};
	const limit = number("/sys/fs/cgroup/memory.max");
	const used = number("/sys/fs/cgroup/memory.current");
	if (!Number.isFinite(limit) || !Number.isFinite(used)) return [];
	const left = Math.max(0, limit - used);
	const found = `${bytes(left)} left of ${bytes(limit)}`;
	return [
		left < FEW * DEFAULT_NAME_BYTES
			? warning(
					"memory limit",
					found,
					"Raise the limit of the container (docker run --memory, resources.limits.memory).",
				)
			: ok("memory limit", found),
	];
}

/** The folder with the files of all names. */
export function checkFolder(folder: string): Finding[] {
	try {
		return [checkAccess(folder), ...checkSpace(folder)];
	} catch (error) {
		return [
			problem(
				"folder",
				`${folder} (${failureOf(error)})`,
				"Create it, mount a tmpfs there, or set LIBIPC_DIR to another one.",
			),
		];
	}
}
