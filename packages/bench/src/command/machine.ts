import { cpus, release, totalmem } from "node:os";

/** The machine of a measurement: without it a time has no meaning. */
export interface Machine {
	readonly cpu: string;
	readonly cores: number;
	readonly memoryGiB: number;
	readonly system: string;
	/** "Bun 1.4.5" or "Node 26.10.0". */
	readonly runtime: string;
}

export function machine(): Machine {
	const processors = cpus();
	return {
		cpu: processors[0]?.model.trim() ?? "unknown processor",
		cores: processors.length,
		memoryGiB: Math.round(totalmem() / 2 ** 30),
		system: `${process.platform} ${release()} ${process.arch}`,
		runtime: process.versions.bun ? `Bun ${process.versions.bun}` : `Node ${process.versions.node}`,
	};
}

export function describeMachine({ cpu, cores, memoryGiB, system, runtime }: Machine): string {
	return `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${system}, ${runtime}`;
}
