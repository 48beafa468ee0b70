import type { EngineCondition, EngineWaker } from "@libipc/protocol";
import { NativeWaits } from "./handle.ts";

export class NativeCondition extends NativeWaits implements EngineCondition {
	enter(waker: EngineWaker | undefined): number {
		return this.symbols.ipc_condition_enter(this.handle, waker?.low ?? 0, waker?.high ?? 0);
	}

	notify(): number {
		return this.symbols.ipc_condition_notify(this.handle);
	}

	notifyAll(): number {
		return this.symbols.ipc_condition_notify_all(this.handle);
	}
}
