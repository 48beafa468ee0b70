import { Names as TestNames } from "@libipc/testing/names";
import * as library from "./under_test.ts";
import { Channel, Queue, Route } from "./under_test.ts";

/** The factory of a kind, for programs that get the kind as a word. */
export const factories = { route: Route, channel: Channel, queue: Queue } as const;

export type Kind = keyof typeof factories;

/** Names of one test file, unique to this process. */
export class Names extends TestNames {
	constructor(file: string) {
		super(file, library);
	}
}
