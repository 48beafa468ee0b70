import { fileURLToPath } from "node:url";
import { ChildLifetime } from "../../launcher/child_lifetime.ts";
import { Mailbox } from "../../launcher/mailbox.ts";
import type { CallAlternative, CallClient } from "./call_alternative.ts";
import { type Answer, PendingCalls } from "./pending_calls.ts";
import type { Request } from "./spawn_ipc.program.ts";

/** `Bun.spawn`'s ipc with JSON, and ids that match answers with calls. The server is a child of the client. */
export const spawnIpc: CallAlternative = {
	name: "Bun.spawn ipc",
	async connect(signal): Promise<CallClient> {
		signal?.throwIfAborted();
		const calls = new PendingCalls();
		const failed = new Mailbox<never>();
		const child = Bun.spawn([process.execPath, fileURLToPath(new URL("spawn_ipc.program.ts", import.meta.url))], {
			stdio: ["ignore", "inherit", "inherit"],
			serialization: "json",
			ipc: (answer: Answer) => calls.answer(answer),
		});
		const lifetime = new ChildLifetime(child, {
			name: "spawn_ipc.program.ts",
			signal,
			killSignal: "SIGKILL",
			onFailure: (cause) => failed.fail(cause),
		});
		const request = (fields: Omit<Request, "id">) =>
			calls.start((id) => child.send({ id, ...fields } satisfies Request));
		return {
			quote: (symbol, number) => request({ symbol, number }),
			latest: () => request({}),
			failure: failed.failure,
			[Symbol.asyncDispose]: () => lifetime.end(() => child.disconnect()),
		};
	},
};
