import { Channel, type EndpointOptions, type ListedName, Queue, type Receiver, Route, type Sender } from "libipc";
import { cannotOpen } from "./cannot_open.ts";
import { CommandFailure, usageError } from "./exit.ts";
import { type Selection, selectNames, titleOf } from "./select_names.ts";

/** A live name with a ring: what messages flow through. */
export interface Ring extends ListedName {
	readonly kind: "route" | "channel" | "queue";
	readonly overflow: "block" | "drop-newest" | "drop-oldest";
}

const factories = { route: Route, channel: Channel, queue: Queue } as const;

const isOfRing = ({ kind }: ListedName): boolean => kind in factories;
const isPattern = (name: string): boolean => /[*?]/.test(name);

/**
 * Checks that a name can be opened.
 *
 * @throws CommandFailure that says why not
 */
function checkRing(name: ListedName, call: string): Ring {
	if (!isOfRing(name) && name.kind !== "unknown")
		throw usageError(`${call} is for routes, channels and queues: ${titleOf(name)} has no messages`);
	if (name.state !== "live") throw cannotOpen(name);
	return name as Ring;
}

/**
 * The rings of a selection. What a pattern matches besides rings that are open is left out; what was named must be one.
 *
 * @param call - What the messages call the command: `tail`.
 * @throws CommandFailure if a name does not exist, or cannot be opened
 */
export function selectRings(selection: Selection, call: string): Ring[] {
	const found = selectNames(selection);
	const named = new Set(selection.names.filter((name) => !isPattern(name)));
	const rings = found.filter((name) => isOfRing(name) && name.state === "live") as Ring[];
	for (const name of named) {
		if (rings.some((ring) => ring.name === name)) continue;
		const other = found.find((each) => each.name === name);
		if (other) checkRing(other, call);
	}
	if (rings.length === 0)
		throw new CommandFailure(`There is no live route, channel or queue to ${call}. \`libipc ls\` shows all names.`);
	return rings;
}

/**
 * The one ring with this name.
 *
 * @throws CommandFailure also if there are several: of other kinds, or other prefixes
 */
export function selectRing(name: string, selection: Omit<Selection, "names">, call: string): Ring {
	const rings = selectRings({ ...selection, names: [name] }, call);
	const [ring, ...others] = rings;
	if (ring === undefined || others.length > 0)
		throw usageError(
			`${call} takes one name, but "${name}" is ${rings.map(titleOf).join(" and ")}: say which with --kind or --prefix`,
		);
	return ring;
}

/**
 * The options of a name as it is. If the name is removed between the listing and the open, it is created again as it was, so that its
 * programs can open it.
 */
const optionsOf = ({ prefix, capacity, maxReceivers, overflow, stamped, permissions }: Ring): EndpointOptions => ({
	...{ prefix, capacity, maxReceivers, overflow, stamp: stamped, permissions },
});

/** Opens a receiver of a ring. An observer (`lossy`) is nothing that senders wait for. */
export const openReceiver = (
	ring: Ring,
	options: { lossy?: boolean; from?: "newest" | "oldest" | undefined } = {},
): Receiver => factories[ring.kind].receiver(ring.name, { ...optionsOf(ring), ...options });

export const openSender = (ring: Ring): Sender => factories[ring.kind].sender(ring.name, optionsOf(ring));
