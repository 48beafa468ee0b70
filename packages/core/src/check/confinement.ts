import { environmentVariable } from "../environment_variable.ts";

/** The profile of AppArmor or the context of SELinux that confines this process; "": none, or it cannot be read. */
function securityProfile(): string {
	try {
		const { readFileSync } = process.getBuiltinModule("node:fs"); // not loaded before
		const profile = readFileSync("/proc/self/attr/current", "utf8").replace(/\0?\n?$/, "");
		return profile === "unconfined" ? "" : profile;
	} catch {
		return "";
	}
}

/**
 * What may have refused a file to a process whose user could have it, and what helps: a sentence with a space before it; "": nothing
 * is known. It is read only for the text of an error.
 */
export function confinementHint(): string {
	const snap = environmentVariable("SNAP_INSTANCE_NAME") ?? environmentVariable("SNAP_NAME");
	if (snap)
		return ` This process is the snap ${snap}, which may only use files whose names begin with "snap.${snap}." in /dev/shm: create the directory /dev/shm/snap.${snap}.libipc, and set LIBIPC_DIR to it in all processes that share names.`;
	const profile = securityProfile();
	if (profile === "") return "";
	return ` The security module of this system confines this process ("${profile}"; AppArmor, SELinux): if it is the reason, allow the files libipc* there in the profile, or set LIBIPC_DIR to a directory that the profile allows.`;
}
