import { IpcError } from "@libipc/protocol";
import { isAborted, throwIfAborted } from "../check/signal.ts";
import type { PeerWatch } from "../endpoint/peers.ts";
import type { SenderEndpoint } from "../endpoint/sender.ts";
import type { AsyncWaitOptions } from "../endpoint/types.ts";
import type { Decoding } from "../value/decoding.ts";
import { ClientSession } from "./client_session.ts";
import {
	bareFrame,
	CALL_BYTES,
	CallFlags,
	creditFrame,
	FailureFlags,
	type Frame,
	FrameType,
	HEADER_BYTES,
	NO_UID,
	parseReply,
	readdressCall,
	StartedFlags,
	ValueFlags,
	writeCall,
	writeHeader,
} from "./frames.ts";
import { IncomingStream } from "./incoming_stream.ts";
import { methodNameProblem, NO_METHOD_OPTIONS, validated } from "./method_options.ts";
import type { OpenedService } from "./opened_service.ts";
import { Packer } from "./payload.ts";
import { PendingCall } from "./pending_call.ts";
import { failureFrom, thrownFrom } from "./remote_error.ts";
import { ServerLink } from "./server_link.ts";
import type { CallerOptions, CheckedCall } from "./service_options.ts";

/** How many requests of a client are in the queue at once. The others wait in its memory, so that clients get equal shares. */
const WINDOW = 64;
/** How often a client looks for dead servers while it has calls. Milliseconds. */
const LOOK_MS = 250;
/** For how long after the death of a server its requests may be without an answer although other servers are open. */
const DEATH_MATTERS_MS = 5000;
/** Arguments are sent with the request if it takes at most so much of the queue's largest message, which is half the queue. */
const INLINE_PART = 4;

const ownUid = (): number => process.getuid?.() ?? NO_UID;

/**
 * The client of a service. A call is in `#calls` until a server has answered it, or, if the program has given it up, until the cancel
 * has been sent. `#pending` counts those that the program waits for; they keep the process alive.
 */
export class ServiceCaller {
	readonly service: OpenedService;
	readonly #options: CallerOptions;
	readonly #packer: Packer;
	readonly #requests: SenderEndpoint;
	/** The most bytes of a request. */
	readonly #mostInline: number;
	readonly #methods = new Map<string, { readonly bytes: Uint8Array; readonly decoding: Decoding }>();
	readonly #errors: Decoding;
	readonly #calls = new Map<number, PendingCall>();
	/** The calls that were not sent yet, in order. */
	readonly #waiting = new Set<PendingCall>();
	readonly #links = new Map<number, ServerLink<PendingCall>>();
	#session: ClientSession;
	/** Earlier sessions, whose calls some servers still run. */
	readonly #sessions = new Set<ClientSession>();
	/** How many calls are in the queue. */
	#queued = 0;
	/** Whether a call waits for space in the queue. */
	#isBlocked = false;
	/** Whether a loop sends the calls that wait in memory. */
	#isSending = false;
	/** Whether calls have been seen to wait while no server is open. */
	#hasUnserved = false;
	#pending = 0;
	#lastCall = 0;
	#lookTimer: ReturnType<typeof setInterval> | undefined;
	#watch: PeerWatch | undefined;
	/** When a server was seen dead, on the clock of `performance.now`; below 0: never. */
	#lastDeath = -DEATH_MATTERS_MS;
	/** How many deaths of servers have been seen. */
	#deaths = 0;
	/** Whether a call blocks the thread: nothing may wait for the event loop. */
	#isBlocking = false;
	#closed = false;

	constructor(service: OpenedService, options: CallerOptions) {
		this.service = service;
		this.#options = options;
		this.#packer = new Packer(service.name, service.codec);
		this.#errors = service.decoding("an error");
		this.#requests = service.requestSender();
		try {
			this.#session = this.#newSession();
			// What the last users left, if they were killed together.
			if (this.#requests.receiverCount === 0) service.sweep();
		} catch (error) {
			this.#requests.close();
			throw error;
		}
		this.#mostInline = Math.floor(this.#requests.maxMessageLength / INLINE_PART);
	}

	get closed(): boolean {
		return this.#closed;
	}

	get servers(): number {
		return this.#closed ? 0 : this.#requests.receiverCount;
	}

	get pending(): number {
		return this.#pending;
	}

	ready(options: AsyncWaitOptions | undefined): Promise<boolean> {
		return this.#closed ? Promise.reject(this.#closedError()) : this.#requests.receiversReady(1, options);
	}

	/** Calls a method. The promise has the result; its iterator, the items. */
	call(method: string, args: readonly unknown[], options: CheckedCall): Promise<unknown> & AsyncIterable<unknown> {
		let call: PendingCall | undefined;
		const promise = new Promise<unknown>((resolve, reject) => {
			call = this.#begin(method, args, options, resolve, reject);
		}) as Promise<unknown> & { [Symbol.asyncIterator]: () => AsyncIterator<unknown> };
		promise[Symbol.asyncIterator] = () => {
			promise.catch(() => {}); // the loop throws it
			if (call) return this.#streamOf(call);
			return { next: () => promise.then(() => ({ value: undefined, done: true })) };
		};
		if (call) {
			const begun = call;
			this.#limit(begun, options);
			this.#sendWaiting();
		}
		return promise;
	}

	/** The same in a thread whose event loop does not run until there is an answer: returns the result, or an iterable of the items. */
	callSync(method: string, args: readonly unknown[], options: CheckedCall): unknown {
		this.#checkOthers(method);
		let outcome: { readonly value?: unknown; readonly error?: { readonly reason: unknown } } | undefined;
		const call = this.#begin(
			method,
			args,
			options,
			(value) => {
				outcome = { value };
			},
			(reason) => {
				outcome = { error: { reason } };
			},
		);
		if (call) this.#block(call, options.timeout, () => outcome !== undefined);
		const { error, value } = outcome ?? {};
		if (error) throw error.reason;
		return value instanceof IncomingStream ? value.sync() : value;
	}

	/** A blocking call is not for a service whose only servers are in this thread. */
	#checkOthers(method: string): void {
		const { serversHere, name, endpoint } = this.service;
		if (serversHere === 0 || this.#closed || this.#requests.receiverCount > serversHere) return;
		throw new IpcError(
			"ERR_IPC_DEADLOCK",
			name,
			`$sync.${method} of ${endpoint} would block this thread, which is the one that serves it: nobody could answer. Await ${method} instead, or serve in another thread or process.`,
		);
	}

	/** Makes a call, or rejects it. */
	#begin(
		method: string,
		args: readonly unknown[],
		{ timeout, signal }: CheckedCall,
		resolve: (value: unknown) => void,
		reject: (reason: unknown) => void,
	): PendingCall | undefined {
		try {
			if (this.#closed) throw this.#closedError();
			throwIfAborted(signal);
			const known = this.#method(method);
			const own = this.#options.methods.get(method) ?? NO_METHOD_OPTIONS;
			const header = CALL_BYTES + known.bytes.byteLength;
			const packed = this.#packer.pack(header, args);
			// Only now: the codec is code of the program, which may have closed the client or called another method.
			if (this.#closed) throw this.#closedError();
			const id = this.#nextId();
			const isLarge = packed.byteLength > this.#mostInline;
			const frame = isLarge ? new Uint8Array(header) : packed.slice();
			const deadline = timeout < 0 ? 0 : this.service.now() + timeout * 1e6;
			writeCall(frame, known.bytes, {
				flags: isLarge ? CallFlags.large : 0,
				call: id,
				client: this.#session.id,
				deadline,
				pid: process.pid,
				uid: ownUid(),
				credit: this.#options.streamBuffer,
				argsLength: isLarge ? packed.byteLength - header : 0,
			});
			const argsFrame = isLarge ? packed.slice(header - HEADER_BYTES) : undefined;
			const call = new PendingCall({
				id,
				method,
				frame,
				args: argsFrame,
				idempotent: own.idempotent,
				hasTimeout: timeout >= 0,
				resolve,
				reject,
			});
			this.#calls.set(id, call);
			this.#waiting.add(call);
			if (++this.#pending === 1) this.#keepAlive();
			return call;
		} catch (error) {
			reject(error);
			return undefined;
		}
	}

	#method(method: string): { readonly bytes: Uint8Array; readonly decoding: Decoding } {
		let known = this.#methods.get(method);
		if (known) return known;
		const problem = methodNameProblem(method);
		if (problem)
			throw new IpcError(
				"ERR_IPC_NO_METHOD",
				this.service.name,
				`${this.service.endpoint} has no method ${JSON.stringify(method)}: ${problem}.`,
			);
		known = {
			bytes: new TextEncoder().encode(method),
			decoding: this.service.decoding(`a result of ${method}`),
		};
		this.#methods.set(method, known);
		return known;
	}

	#nextId(): number {
		do this.#lastCall = (this.#lastCall + 1) >>> 0;
		while (this.#calls.has(this.#lastCall));
		return this.#lastCall;
	}

	/** Starts the timer of a call, and listens to its signal. */
	#limit(call: PendingCall, { timeout, signal }: CheckedCall): void {
		if (timeout < 0 && !signal) return;
		call.endsWith(
			timeout,
			() => this.#giveUp(call, this.#timedOutError(call.method, timeout)),
			signal,
			() => {
				if (!signal || !isAborted(signal)) return;
				try {
					throwIfAborted(signal);
				} catch (reason) {
					this.#giveUp(call, reason);
				}
			},
		);
	}

	#streamOf(call: PendingCall): IncomingStream {
		if (call.stream) return call.stream;
		const stream = new IncomingStream(
			{
				taken: (items) => this.#tell(call, creditFrame(call.id, call.client, items)),
				leave: () => this.#giveUp(call, undefined),
				block: () => this.#blockForItem(call),
			},
			this.#options.streamBuffer,
		);
		call.stream = stream;
		return stream;
	}

	#blockForItem(call: PendingCall): void {
		const had = this.#received;
		this.#block(call, -1, () => this.#received !== had || call.state === "over");
	}

	/** How many frames of servers were handled. */
	#received = 0;

	/** Sends the calls that wait in memory, as far as the window allows. */
	#sendWaiting(): void {
		// A call that fails is over, and then others may be sent: by the loop that runs already, however many fail.
		if (this.#isSending) return;
		this.#isSending = true;
		try {
			this.#sendEach();
		} finally {
			this.#isSending = false;
		}
	}

	#sendEach(): void {
		for (const call of this.#waiting) {
			if (this.#patienceOf(call) === 0 && this.#requests.receiverCount === 0) {
				this.#fail(call, this.#noServerError(call));
				continue;
			}
			if (this.#isBlocked || this.#queued >= WINDOW) return;
			this.#address(call);
			try {
				if (this.#requests.trySend(call.frame)) this.#hasSent(call);
				else {
					this.#sendLater(call);
					return;
				}
			} catch (error) {
				this.#fail(call, error);
			}
		}
	}

	/** Writes the present id of the client to a request. */
	#address(call: PendingCall): void {
		if (call.client === this.#session.id) return;
		call.client = this.#session.id;
		this.#session.calls++;
		readdressCall(call.frame, call.client);
	}

	#hasSent(call: PendingCall): void {
		this.#waiting.delete(call);
		call.state = "queued";
		this.#queued++;
	}

	/** The queue is full. */
	#sendLater(call: PendingCall): void {
		this.#isBlocked = true;
		this.#waiting.delete(call);
		call.state = "sending";
		const { id } = this.#session;
		this.#requests.sendAsync(call.frame).then(
			() => {
				this.#isBlocked = false;
				if (call.state !== "sending") return this.#sendWaiting();
				if (id === this.#session.id) this.#hasSent(call);
				else {
					// It was sent under an id that is over: no server runs it.
					call.state = "waiting";
					this.#waiting.add(call);
				}
				this.#sendWaiting();
			},
			(error: unknown) => {
				this.#isBlocked = false;
				if (call.state === "sending") this.#fail(call, error);
			},
		);
	}

	/** A frame that a server has sent. It is valid during this call only. */
	readonly #handle = (bytes: Uint8Array, client: number): void => {
		const frame = parseReply(bytes);
		if (!frame) return;
		const call = this.#calls.get(frame.call);
		if (!call) {
			// It is over, and a second server runs it: that of a stream would wait for the loop for ever.
			if (frame.type === FrameType.started) this.#cancelUnknown(frame, client);
			return;
		}
		this.#received++;
		if (frame.type === FrameType.started) {
			try {
				this.#started(call, frame);
			} catch (error) {
				this.#fail(call, error); // the server's inbox cannot be opened
			}
			return;
		}
		// Of a stream, one server sends all items.
		if (call.link && call.link.server !== frame.id && call.stream) return;
		if (call.isGivenUp) {
			if (frame.type !== FrameType.item) this.#forget(call);
			return;
		}
		try {
			this.#answered(call, frame, bytes);
		} catch (error) {
			if (frame.type === FrameType.item) this.#giveUp(call, error);
			else this.#fail(call, error);
		}
	};

	#cancelUnknown({ id, call }: Frame, client: number): void {
		try {
			this.#linkTo(id).send(bareFrame(FrameType.cancel, 0, call, client), this.#isBlocking);
		} catch {
			// The server is gone, or its inbox cannot be opened.
		}
	}

	/** A server says that it runs a call. */
	#started(call: PendingCall, frame: Frame): void {
		const link = this.#linkTo(frame.id);
		if (call.link !== link && call.stream?.hasItems) {
			// Another server has it, too. The items of the first one count.
			link.send(bareFrame(FrameType.cancel, 0, call.id, call.client), this.#isBlocking);
			return;
		}
		const isSame = call.link === link;
		if (!isSame) {
			this.#detach(call);
			call.state = "started";
			call.link = link;
			link.calls.add(call);
		}
		if (call.isGivenUp) {
			link.send(bareFrame(FrameType.cancel, 0, call.id, call.client), this.#isBlocking);
			this.#forget(call);
			return;
		}
		if (frame.flags & StartedFlags.idempotent) call.idempotent = true;
		if (frame.flags & StartedFlags.wantsArgs && call.args) {
			writeHeader(call.args, FrameType.args, 0, call.id, call.client);
			link.send(call.args, this.#isBlocking);
		}
		if (frame.flags & StartedFlags.stream) call.resolve(this.#streamOf(call));
		if (!isSame) this.#sendWaiting();
	}

	#answered(call: PendingCall, frame: Frame, bytes: Uint8Array): void {
		switch (frame.type) {
			case FrameType.answer: {
				const value = this.#valueOf(call, frame, bytes);
				if (call.stream)
					call.stream.abort(
						new IpcError(
							"ERR_IPC_INVALID_ARGUMENT",
							this.service.name,
							`${call.method} of ${this.service.endpoint} is no stream: it has one result. Await it.`,
						),
					);
				call.resolve(value);
				this.#forget(call);
				return;
			}
			case FrameType.item:
				this.#streamOf(call).push(this.#valueOf(call, frame, bytes));
				return;
			case FrameType.end:
				this.#streamOf(call).end();
				this.#forget(call);
				return;
			case FrameType.error:
				this.#fail(call, thrownFrom(this.#errors.fromBytes(bytes.subarray(frame.payload))));
				return;
			default:
				if (frame.flags & FailureFlags.retry && !call.stream?.hasItems) this.#sendAgain(call);
				else this.#fail(call, failureFrom(this.service.name, this.#errors.fromBytes(bytes.subarray(frame.payload))));
		}
	}

	/** The value of an answer or an item. */
	#valueOf(call: PendingCall, { flags, payload }: Frame, bytes: Uint8Array): unknown {
		const value =
			flags & ValueFlags.nothing ? undefined : this.#method(call.method).decoding.fromBytes(bytes.subarray(payload));
		const schema = this.#options.methods.get(call.method)?.result;
		return schema === undefined
			? value
			: validated(this.service.name, `${this.service.endpoint}: the result of ${call.method}`, schema, value);
	}

	#linkTo(server: number): ServerLink<PendingCall> {
		let link = this.#links.get(server);
		if (!link) {
			link = new ServerLink<PendingCall>(server, this.service.inboxSender(server));
			this.#links.set(server, link);
		}
		return link;
	}

	/** Says something about a call to the server that runs it. */
	#tell(call: PendingCall, frame: Uint8Array): void {
		call.link?.send(frame, this.#isBlocking);
	}

	/** Takes a call out of where it is. */
	#detach(call: PendingCall): void {
		if (call.state === "waiting") this.#waiting.delete(call);
		else if (call.state === "queued") this.#queued--;
		call.link?.calls.delete(call);
		call.link = undefined;
	}

	/** A call is over, for the client and for the servers. */
	#forget(call: PendingCall): void {
		if (call.state === "over") return;
		this.#detach(call);
		call.state = "over";
		this.#calls.delete(call.id);
		this.#endSession(call);
		this.#release(call);
		this.#sendWaiting();
	}

	/** The program does not wait for a call any more. */
	#release(call: PendingCall): void {
		if (call.isGivenUp) return;
		call.isGivenUp = true;
		call.release();
		if (--this.#pending === 0) this.#lookTimer?.unref();
	}

	/** The session of a call that is over, if it was the last one there. */
	#endSession(call: PendingCall): void {
		if (call.client === 0) return;
		if (call.client === this.#session.id) {
			this.#session.calls--;
			return;
		}
		for (const session of this.#sessions)
			if (session.id === call.client && --session.calls === 0) {
				this.#sessions.delete(session);
				session.close();
			}
	}

	#fail(call: PendingCall, reason: unknown): void {
		if (!call.isGivenUp) {
			call.stream?.end({ reason });
			call.reject(reason);
		}
		this.#forget(call);
	}

	/** The program gives a call up: its time is over, its signal was aborted, or its loop was left. */
	#giveUp(call: PendingCall, reason: unknown): void {
		if (call.isGivenUp || call.state === "over") return;
		call.stream?.abort(reason);
		call.reject(reason);
		if (call.state === "waiting") {
			this.#forget(call);
			return;
		}
		if (call.state === "started") {
			this.#tell(call, bareFrame(FrameType.cancel, 0, call.id, call.client));
			this.#forget(call);
			return;
		}
		// A server may have taken it. The cancel is sent when `started` arrives from that server.
		this.#release(call);
	}

	/** A call begins again: its server was killed or closed, and the method may run twice. */
	#sendAgain(call: PendingCall): void {
		this.#detach(call);
		if (call.isGivenUp) {
			this.#forget(call);
			return;
		}
		call.state = "waiting";
		this.#waiting.add(call);
		this.#sendWaiting();
	}

	/** Calls keep the process alive, and look for dead servers. */
	#keepAlive(): void {
		if (this.#lookTimer) this.#lookTimer.ref();
		else {
			this.#watchServers();
			this.#lookTimer = setInterval(() => this.#look(), LOOK_MS);
		}
	}

	/** Which servers there are now: only their later deaths matter. */
	#watchServers(): void {
		this.#watch ??= this.#requests.watchPeers();
		while (this.#watch.next());
		this.#deaths = this.#watch.receiverDeaths;
	}

	/** Looks for servers that have died, or are closed. */
	#look(): void {
		if (this.#closed) return;
		for (const link of this.#links.values()) {
			if (link.calls.size > 0 && link.isGone) {
				this.#readAll();
				for (const call of [...link.calls]) this.#serverGone(call);
			}
			// Nothing that waits for a server that is gone is of use.
			if (link.rests() || (link.calls.size === 0 && link.isGone)) {
				this.#links.delete(link.server);
				link.close();
			}
		}
		this.#lookAtQueue();
		if (this.#calls.size > 0 || this.#links.size > 0) return;
		clearInterval(this.#lookTimer);
		this.#lookTimer = undefined;
	}

	#lookAtQueue(): void {
		const now = performance.now();
		while (this.#watch?.next());
		const deaths = this.#watch?.receiverDeaths ?? 0;
		if (deaths !== this.#deaths) this.#lastDeath = now;
		this.#deaths = deaths;
		if (this.#calls.size === 0) return;
		if (this.#requests.receiverCount > 0) {
			if (this.#hasUnserved) for (const call of this.#calls.values()) call.unservedSince = -1;
			this.#hasUnserved = false;
			return;
		}
		// What servers have answered before they left is there.
		this.#readAll();
		if (now - this.#lastDeath < DEATH_MATTERS_MS) {
			this.#lastDeath = -DEATH_MATTERS_MS;
			this.#loseQueued((call) => {
				if (call.idempotent && this.#patienceOf(call) > 0) this.#sendAgain(call);
				else this.#fail(call, this.#diedError(call));
			});
			this.service.sweep();
		}
		this.#failUnserved(now);
	}

	/** How long a call waits while no server is open. Milliseconds. */
	#patienceOf({ hasTimeout }: PendingCall): number {
		const { withTimeout, without } = this.#options.waitForServer;
		return hasTimeout ? withTimeout : without;
	}

	/**
	 * No server is open, and none was killed lately: no server has the calls that wait, or it would have said so before it left. Those that
	 * have waited long enough fail. No later server runs them: the others are sent again, under another id.
	 */
	#failUnserved(now: number): void {
		if (this.#pending === 0) {
			// The program has given up all of them: no later server runs them, and this client rests.
			this.#loseQueued((call) => this.#forget(call));
			return;
		}
		this.#hasUnserved = true;
		const failing = new Set<PendingCall>();
		let isSent = false;
		for (const call of this.#calls.values()) {
			if (call.state === "started" || call.isGivenUp) continue;
			if (call.unservedSince < 0) call.unservedSince = now;
			if (now - call.unservedSince < this.#patienceOf(call)) continue;
			failing.add(call);
			if (call.state !== "waiting") isSent = true;
		}
		if (failing.size === 0) return;
		const again: PendingCall[] = [];
		if (isSent)
			this.#loseQueued((call) => {
				if (failing.has(call)) return;
				if (call.isGivenUp) this.#forget(call);
				// What waits for space in the queue waits in memory again when there is some.
				else if (call.state === "queued") again.push(call);
			});
		for (const call of again) this.#detach(call);
		const behind = [...this.#waiting];
		this.#waiting.clear();
		for (const call of again) call.state = "waiting";
		for (const call of [...again, ...behind]) this.#waiting.add(call);
		for (const call of failing) this.#fail(call, this.#noServerError(call));
		this.#sendWaiting();
	}

	/** What to do with the calls that are in the queue, or were taken by servers that are gone. No later server runs these requests. */
	#loseQueued(end: (call: PendingCall) => void): void {
		const lost = [...this.#calls.values()].filter(({ state }) => state === "queued" || state === "sending");
		if (lost.length === 0) return;
		this.#renewSession();
		for (const call of lost) end(call);
	}

	/** The server that ran a call is gone without an answer. */
	#serverGone(call: PendingCall): void {
		if (call.idempotent && !call.stream?.hasItems) this.#sendAgain(call);
		else this.#fail(call, this.#diedError(call));
	}

	#readAll(): void {
		for (const session of [this.#session, ...this.#sessions])
			try {
				while (session.drain(0) > 0);
			} catch {
				// The loop that waits for its answers gets the error, too.
			}
	}

	#newSession(): ClientSession {
		return new ClientSession(this.service, this.#options.replyCapacity, this.#handle, (session, error) =>
			this.#sessionLost(session, error),
		);
	}

	/** The client gets another id: requests under the present one are not run any more, unless a server already runs them. */
	#renewSession(): void {
		const old = this.#session;
		this.#session = this.#newSession();
		const started = [...this.#calls.values()].filter((call) => call.client === old.id && call.state === "started");
		old.calls = started.length;
		if (old.calls === 0) old.close();
		else this.#sessions.add(old);
		for (const call of this.#calls.values()) if (call.client === old.id && call.state !== "started") call.client = 0;
	}

	/** The ring of answers is gone: a server has removed it because this client did not read, or a program has. */
	#sessionLost(session: ClientSession, error: unknown): void {
		if (this.#closed) return;
		const lost = [...this.#calls.values()].filter((call) => call.client === session.id);
		session.close();
		this.#sessions.delete(session);
		try {
			if (session === this.#session) this.#session = this.#newSession();
		} catch (reason) {
			for (const call of [...this.#calls.values()]) this.#fail(call, reason);
			return;
		}
		// The last server that leaves removes it, too, if it cannot say that it has run a request: see `Server`.
		const isServed = this.#requests.receiverCount > 0;
		for (const call of lost) {
			call.client = 0;
			this.#fail(call, isServed ? error : this.#diedError(call));
		}
	}

	/** Reads answers until `isDone`, without the event loop. */
	#block(call: PendingCall, timeout: number, isDone: () => boolean): void {
		const ends = timeout < 0 ? Infinity : performance.now() + timeout;
		let looks = performance.now() + LOOK_MS;
		this.#isBlocking = true;
		try {
			while (!isDone()) {
				if (call.state === "waiting") this.#sendBlocking(call);
				const now = performance.now();
				if (now >= ends) {
					this.#giveUp(call, this.#timedOutError(call.method, timeout));
					continue;
				}
				if (now >= looks) {
					looks = now + LOOK_MS;
					this.#look();
					continue;
				}
				for (const session of this.#sessions) session.drain(0);
				this.#session.drain(Math.max(1, Math.ceil(Math.min(ends, looks) - now)));
			}
		} finally {
			this.#isBlocking = false;
		}
	}

	/** Sends a call of a thread whose event loop does not run: another call may wait for space there. */
	#sendBlocking(call: PendingCall): void {
		if (this.#queued < WINDOW && !this.#isBlocked) {
			this.#sendWaiting();
			return;
		}
		if (this.#queued >= 2 * WINDOW) return;
		this.#address(call);
		try {
			if (this.#requests.send(call.frame, { timeout: LOOK_MS })) this.#hasSent(call);
		} catch (error) {
			this.#fail(call, error);
		}
	}

	close(): void {
		if (this.#closed) return;
		this.#closed = true;
		clearInterval(this.#lookTimer);
		this.#lookTimer = undefined;
		for (const call of [...this.#calls.values()]) {
			if (call.state === "started") this.#tell(call, bareFrame(FrameType.cancel, 0, call.id, call.client));
			const reason = this.#closedError();
			if (!call.isGivenUp) {
				call.stream?.end({ reason });
				call.reject(reason);
			}
			call.state = "over";
			this.#release(call);
		}
		this.#calls.clear();
		this.#waiting.clear();
		for (const link of this.#links.values()) link.close();
		this.#session.close();
		for (const session of this.#sessions) session.close();
		try {
			// No server removes what dead servers left.
			if (this.#requests.receiverCount === 0) this.service.sweep();
		} finally {
			this.#requests.close();
		}
	}

	#closedError(): IpcError {
		return new IpcError(
			"ERR_IPC_CLOSED",
			this.service.name,
			`This client of ${this.service.endpoint} is closed. Open a new one.`,
		);
	}

	#timedOutError(method: string, timeout: number): IpcError {
		return new IpcError(
			"ERR_IPC_TIMED_OUT",
			this.service.name,
			`${method} of ${this.service.endpoint} did not answer within ${timeout} ms. ${this.servers === 0 ? "No server is open." : "Its work was aborted; it may have been done."}`,
		);
	}

	#noServerError(call: PendingCall): IpcError {
		const patience = this.#patienceOf(call);
		const why =
			patience === 0
				? "and this client does not wait for one (waitForServer: false)"
				: `and none was opened within ${patience} ms, the longest time that this client waits for one. To wait longer, give the call a timeout, or pass the option waitForServer`;
		return new IpcError(
			"ERR_IPC_NO_SERVER",
			this.service.name,
			`No server of ${this.service.endpoint} is open, ${why}. ${call.method} was not run.`,
		);
	}

	#diedError({ method }: PendingCall): IpcError {
		return new IpcError(
			"ERR_IPC_PEER_DIED",
			this.service.name,
			`The server of ${this.service.endpoint} was killed or closed before it answered. ${method} may have run, partly or whole. If it may run twice, mark it: { methods: { ${method}: { idempotent: true } } }.`,
		);
	}
}
