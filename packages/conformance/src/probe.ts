import { Probe as TestProbe } from "@libipc/testing/probe";
import { say } from "@libipc/testing/program";
import { SharedMemory } from "./under_test.ts";

export { Word } from "@libipc/testing/probe";

/** Words that the programs of a test share. */
export class Probe extends TestProbe<SharedMemory> {
	constructor(prefix: string, name: string) {
		super(SharedMemory.open(`${name}.probe`, { prefix, size: 4096 }));
	}

	/** Says that this program is ready, and blocks until all may begin. */
	override start(): void {
		super.start(say);
	}
}
