import { checkBag, checkName, checkOptions, describe } from "./argument.ts";
import type { EndpointFactory, EndpointKind, EndpointOptions, Receiver, Sender } from "./endpoint.ts";
import type { Engine } from "./engine.ts";
import { RingReceiver } from "./ring_receiver.ts";
import { RingSender, type SharedSender } from "./ring_sender.ts";

const EXAMPLE = '{ prefix: "app" }';

/** Makes what a package exports as `Route` or `Channel` out of its engine. */
export function createEndpointFactory(engine: () => Engine, kind: EndpointKind): EndpointFactory {
	function openSender(name: string, options: EndpointOptions): Sender {
		const prefix = checkName(name, options.prefix);
		const engineSender = engine().openSender(kind, prefix, name, checkOptions(name, options));
		const handle = (shared: SharedSender): Sender =>
			new RingSender(name, describe(kind, prefix, name), shared, (same) =>
				kind === "route" ? handle(same) : openSender(name, { prefix }),
			);
		return handle({ engine: engineSender, handles: 0, batching: false });
	}

	function openReceiver(name: string, options: EndpointOptions): Receiver {
		const prefix = checkName(name, options.prefix);
		const engineReceiver = engine().openReceiver(kind, prefix, name, checkOptions(name, options));
		return new RingReceiver(name, describe(kind, prefix, name), engineReceiver, () => openReceiver(name, { prefix }));
	}

	return {
		sender: (name, options) => openSender(name, checkBag(name, options, EXAMPLE) ?? {}),
		receiver: (name, options) => openReceiver(name, checkBag(name, options, EXAMPLE) ?? {}),
		clear: (name, options) => engine().clear(kind, checkName(name, checkBag(name, options, EXAMPLE)?.prefix), name),
	};
}
