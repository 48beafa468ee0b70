import type { EndpointKind } from "@libipc/protocol";
import { checkOptionsObject, describe, FACTORIES, invalid } from "../check/argument.ts";
import { checkName } from "../check/name.ts";
import { checkOptionNames, optionNames } from "../check/option_names.ts";
import type { EndpointFactory, QueueReceiver, QueueReceiverOptions, RouteFactory } from "../endpoint/types.ts";
import type { DefineChannel, DefineQueue, DefineRoute } from "./define_types.ts";
import { checkValueOptions } from "./value_options.ts";

type Options = Readonly<Record<string, unknown>>;
type Factory = Pick<RouteFactory, "sender" | "receiver" | "waitForReceivers" | "receiversReady" | "clear"> &
	Partial<RouteFactory>;
type Call = "sender" | "senderAsync" | "receiver";

/** What an open cannot change: it is the same on both sides. */
const FIXED = ["capacity", "maxReceivers", "overflow", "stamp", "codec", "schema"];

/** Which of the options of a definition a call takes: `from` is only for receivers. */
const namesOf = (kind: EndpointKind, call: Call): readonly string[] => {
	if (call !== "receiver") return optionNames.sender;
	return kind === "queue" ? optionNames.queueReceiver : optionNames.receiver;
};

function define(kind: EndpointKind, factory: Factory, name: string, given: unknown) {
	const call = `define${FACTORIES[kind]}`;
	const options = checkOptionsObject(name, given as object | undefined, "{ codec: json() }") ?? {};
	// Read once: both sides get the same.
	const defined: Options = { ...options };
	const prefix = checkName(name, defined.prefix);
	checkOptionNames(name, call, defined, namesOf(kind, "receiver"));
	checkValueOptions({ kind, prefix, name, role: "receiver" }, describe(kind, prefix, name), defined);

	function optionsOf(open: Call, more: unknown): object {
		const added: Options = { ...checkOptionsObject(name, more as object | undefined, '{ from: "oldest" }') };
		const fixed = FIXED.find((each) => added[each] !== undefined);
		if (fixed !== undefined)
			throw invalid(
				name,
				`${fixed} is set by ${call}, for all endpoints of ${describe(kind, prefix, name)}. Change it there.`,
			);
		const shared = Object.entries(defined).filter(([option]) => namesOf(kind, open).includes(option));
		return { ...Object.fromEntries(shared), ...added };
	}

	const itsPrefix = defined.prefix === undefined ? {} : { prefix: prefix as string };
	const waitOf = (more: unknown): object => ({
		...itsPrefix,
		...checkOptionsObject(name, more as object | undefined, "{ timeout: 100 }"),
	});

	return {
		name,
		sender: (more?: object) => factory.sender(name, optionsOf("sender", more)),
		receiver: (more?: object) => factory.receiver(name, optionsOf("receiver", more)),
		waitForReceivers: (count: number, more?: object) => factory.waitForReceivers(name, count, waitOf(more)),
		receiversReady: async (count: number, more?: object) => factory.receiversReady(name, count, waitOf(more)),
		clear: () => factory.clear(name, itsPrefix),
		...(kind === "route" && {
			senderAsync: async (more?: object) => factory.senderAsync?.(name, optionsOf("senderAsync", more)),
		}),
	};
}

const definer =
	(kind: EndpointKind, factory: unknown) =>
	(name: string, options?: unknown): unknown =>
		define(kind, factory as Factory, name, options);

/** Makes `defineChannel` of an API. */
export const createDefineChannel = (factory: EndpointFactory): DefineChannel =>
	definer("channel", factory) as DefineChannel;

/** Makes `defineRoute` of an API. */
export const createDefineRoute = (factory: RouteFactory): DefineRoute => definer("route", factory) as DefineRoute;

/** Makes `defineQueue` of an API. */
export const createDefineQueue = (factory: EndpointFactory<QueueReceiver, QueueReceiverOptions>): DefineQueue =>
	definer("queue", factory) as DefineQueue;
