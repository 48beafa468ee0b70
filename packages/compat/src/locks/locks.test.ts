import { describe, test } from "bun:test";
import { scenarios } from "./testing/scenarios.ts";

describe("locks between threads", () => {
	for (const [name, scenario] of Object.entries(scenarios)) test(name, scenario, 300_000);
});
