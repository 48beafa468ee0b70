import { existsSync } from "node:fs";
import { availableParallelism, release } from "node:os";
import { type Finding, ok, problem, warning } from "./finding.ts";
import { readLink, readText } from "./read_text.ts";

/** The oldest versions that libipc supports. */
const oldest = { bun: [1, 4], node: [20, 19] } as const;

function isOld(version: string, [major, minor]: readonly [number, number]): boolean {
	const [its = 0, itsMinor = 0] = version.split(".").map(Number);
	return its < major || (its === major && itsMinor < minor);
}

/** The runtime of this process, and the system. */
export function checkRuntime(): Finding {
	const name = process.versions.bun ? "bun" : "node";
	const version = process.versions[name] ?? "";
	const title = `${name === "bun" ? "Bun" : "Node"} ${version}, ${process.platform} ${release()} ${process.arch}`;
	const needs = oldest[name].join(".");
	if (isOld(version, oldest[name])) return problem("runtime", title, `Update it: libipc needs ${needs} or later.`);
	if (process.platform === "linux") return ok("runtime", title);
	return warning("runtime", title, "libipc is tested on Linux only.");
}

/** The processors, and the clock that they read. */
export function checkProcessors(): Finding[] {
	const count = availableParallelism();
	const processors = `${count} ${count === 1 ? "processor" : "processors"} for this process`;
	const findings = [
		count === 1
			? warning("processors", processors, "A receiver answers only when the sender gives up the processor: allow 2.")
			: ok("processors", processors),
	];
	const clock = readText("/sys/devices/system/clocksource/clocksource0/current_clocksource");
	if (clock === undefined) return findings;
	const isFast = ["tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter"].includes(clock);
	return [
		...findings,
		isFast
			? ok("clock", clock)
			: warning(
					"clock",
					clock,
					"Each look at this clock is a system call, so waits and stamps are slow. tsc is faster.",
				),
	];
}

/** Whether a namespace of this process is the one that the system started with. */
const isInitial: Readonly<Record<string, string>> = {
	pid: "4026531836",
	user: "4026531837",
	time: "4026531834",
};

function confinement(): string | undefined {
	const profile = readText("/proc/self/attr/current")?.replaceAll("\0", "");
	const filter = /^Seccomp:\s*2/m.test(readText("/proc/self/status") ?? "") ? "a filter of system calls" : undefined;
	const confined = profile !== undefined && profile !== "" && !profile.startsWith("unconfined") ? profile : undefined;
	return [confined && `profile ${confined}`, filter].filter(Boolean).join(", ") || undefined;
}

/** What separates this process from others of the machine. */
export function checkNamespaces(): Finding[] {
	if (process.platform !== "linux") return [];
	if (!existsSync("/proc/self"))
		return [
			warning(
				"proc",
				"there is no /proc",
				"Mount it: without it, paths of LIBIPC_DIR must be short, and programs have no names.",
			),
		];
	const own = Object.keys(isInitial).filter((kind) => {
		const link = readLink(`/proc/self/ns/${kind}`);
		return link !== undefined && !link.includes(isInitial[kind] ?? "");
	});
	const isContainer = existsSync("/.dockerenv") || existsSync("/run/.containerenv") || own.includes("pid");
	const confined = confinement();
	return [
		ok(
			"namespaces",
			own.length === 0
				? "those of the system: all processes of this machine can be reached"
				: `its own for ${own.join(", ")}${isContainer ? "; this is a container" : ""}. Others are reached if they share the folder`,
		),
		...(confined === undefined ? [] : [ok("confinement", confined)]),
	];
}
