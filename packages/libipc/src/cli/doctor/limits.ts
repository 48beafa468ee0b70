import { whole } from "../format.ts";
import { type Finding, ok, warning } from "./finding.ts";
import { readText } from "./read_text.ts";

/** A limit of this process that an open of a name can meet. `least`: with less, doctor warns. */
const limits = [
	{ title: "Max open files", about: "open files", least: 1024, change: "ulimit -n" },
	{ title: "Max file size", about: "file size", least: 1 << 30, change: "ulimit -f" },
	{ title: "Max address space", about: "addresses", least: 2 ** 32, change: "ulimit -v" },
] as const;

/** What the system allows this process. */
export function checkLimits(): Finding[] {
	const text = readText("/proc/self/limits");
	if (text === undefined) return [];
	const findings = limits.map(({ title, about, least, change }): Finding => {
		const soft = new RegExp(`^${title}\\s+(\\S+)`, "m").exec(text)?.[1] ?? "unlimited";
		const found = soft === "unlimited" ? soft : whole(Number(soft));
		if (soft === "unlimited" || Number(soft) >= least) return ok(about, found);
		return warning(
			about,
			found,
			`Many or large names will be refused: raise it (${change}), to ${whole(least)} or more.`,
		);
	});
	const mappings = Number(readText("/proc/sys/vm/max_map_count"));
	if (mappings > 0)
		findings.push(
			mappings < 4096
				? warning("mappings", whole(mappings), "Each open name takes one: sysctl vm.max_map_count=65530")
				: ok("mappings", whole(mappings)),
		);
	return findings;
}
