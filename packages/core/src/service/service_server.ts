import { IpcError, type IpcErrorCode } from "@libipc/protocol";
import { closeAtExit } from "../close_at_exit.ts";
import type { QueueReceiverEndpoint } from "../endpoint/queue_receiver.ts";
import type { ReceiverEndpoint } from "../endpoint/receiver.ts";
import type { Lease, PeerEvent } from "../endpoint/types.ts";
import { warnOnce } from "../warn_once.ts";
import { ClientConnection } from "./client_connection.ts";
import {
	bareFrame,
	CALL_BYTES,
	CallFlags,
	type CallFrame,
	countUnrun,
	FailureFlags,
	FrameType,
	HEADER_BYTES,
	NO_UID,
	parseCall,
	parseInbox,
	StartedFlags,
	ValueFlags,
	writeHeader,
} from "./frames.ts";
import { validated } from "./method_options.ts";
import { newId, type OpenedService } from "./opened_service.ts";
import { iteratorOf, sendItems } from "./outgoing_stream.ts";
import { Packer } from "./payload.ts";
import { plainIssues, plainThrownOf, thrownOf } from "./remote_error.ts";
import { type CallEnvironment, RunningCall, type ServedMethod } from "./running_call.ts";
import { type ServerOptions, shutdownTimeout } from "./service_options.ts";
import type { ServiceServer, ShutdownOptions } from "./service_types.ts";
import { contextHandlerOf } from "./with_context.ts";

/** A call that is not answered so soon leaves the queue, and its client learns which server runs it. Milliseconds. */
const SOON_MS = 1;
const MOST_FRAMES = 256;
/** After the first look for returned requests: a receiver looks for those of the dead at most every 400 ms. Milliseconds. */
const SECOND_LOOK_MS = 410;

/**
 * A server. It takes a request from the queue, runs it, and sends the answer to the ring of its client. The lease of a request is ended
 * when the client is answered, or knows which server runs the call: whatever is killed, either another server gets the request, or the
 * client notices the death of the server.
 */
export class Server implements ServiceServer {
	readonly #service: OpenedService;
	readonly #options: ServerOptions;
	readonly #handlers: unknown;
	readonly #methods: ReadonlyMap<string, ServedMethod>;
	readonly #id = newId();
	readonly #packer: Packer;
	readonly #requests: QueueReceiverEndpoint;
	readonly #inbox: ReceiverEndpoint;
	readonly #environment: CallEnvironment;
	readonly #clients = new Map<number, ClientConnection<RunningCall>>();
	#running = 0;
	/** How many requests have a lease. */
	#leased = 0;
	/** Calls whose client does not know that they run: those of the last millisecond, and those before. */
	#fresh: RunningCall[] = [];
	#aging: RunningCall[] = [];
	#ageTimer: ReturnType<typeof setTimeout> | undefined;
	/** Waits for a call to end. */
	#hasRoom: (() => void) | undefined;
	/** Those that wait until nothing runs. */
	#idle: (() => void)[] = [];
	readonly #leaveExit: () => void;
	/** Counts this server out of those of this thread. */
	readonly #leaveThread: () => void;
	#sweepTimer: ReturnType<typeof setTimeout> | undefined;
	/** The second look for requests that a server which is gone had taken. */
	#returnsTimer: ReturnType<typeof setTimeout> | undefined;
	#stopped = false;
	#closed = false;
	readonly ended: Promise<void>;
	#end: () => void = () => {};
	#fail: (error: unknown) => void = () => {};

	constructor(
		service: OpenedService,
		handlers: unknown,
		methods: ReadonlyMap<string, ServedMethod>,
		options: ServerOptions,
	) {
		this.#service = service;
		this.#handlers = handlers;
		this.#methods = methods;
		this.#options = options;
		this.#packer = new Packer(service.name, service.codec);
		this.#environment = { service: service.name, now: () => service.now() };
		this.ended = new Promise((resolve, reject) => {
			this.#end = resolve;
			this.#fail = reject;
		});
		// Before its endpoints: at the exit of the process it is closed before them, and answers what it runs.
		this.#leaveExit = closeAtExit(this, () => {});
		this.#inbox = service.inbox(this.#id);
		try {
			this.#requests = service.requestReceiver((event) => this.#peer(event));
			service.sweep();
		} catch (error) {
			this.#inbox.close();
			this.#leaveExit();
			throw error;
		}
		this.#leaveThread = service.countServer();
		this.#takeRequests().catch((error: unknown) => this.#broken(error));
		this.#readInbox().catch((error: unknown) => this.#broken(error));
	}

	get name(): string {
		return this.#service.name;
	}

	get closed(): boolean {
		return this.#stopped;
	}

	get running(): number {
		return this.#running;
	}

	// Both: at its limit, a server does not wait for requests.
	ref(): this {
		this.#requests.ref();
		this.#inbox.ref();
		return this;
	}

	unref(): this {
		this.#requests.unref();
		this.#inbox.unref();
		return this;
	}

	/** The queue or the inbox cannot be read any more. */
	#broken(error: unknown): void {
		if (this.#closed || (this.#stopped && this.#requests.closed && isClosed(error))) return;
		this.#fail(error);
		this.close();
	}

	async #takeRequests(): Promise<void> {
		while (!this.#stopped) {
			if (this.#running >= this.#options.concurrency) {
				await new Promise<void>((resolve) => {
					this.#hasRoom = resolve;
				});
				continue;
			}
			const lease = await this.#requests.takeAsync();
			if (lease) this.#take(lease);
		}
	}

	async #readInbox(): Promise<void> {
		const take = (): true | undefined =>
			this.#inbox.drain(this.#handleInbox, { timeout: 0, max: MOST_FRAMES }) > 0 ? true : undefined;
		while (!this.#closed) await this.#inbox.receiveAsync(take, undefined);
	}

	/** What a client says about a call. */
	readonly #handleInbox = (bytes: Uint8Array): void => {
		const frame = parseInbox(bytes);
		const call = frame && this.#clients.get(frame.id)?.calls.get(frame.call);
		if (!frame || !call) return;
		if (frame.type === FrameType.cancel) this.#cancel(call, "The client has given the call up.");
		else if (frame.type === FrameType.credit) call.grant(frame.credit);
		else if (!call.isRunning && !call.begin) this.#decode(call, bytes.subarray(frame.payload));
	};

	/** A request was taken. */
	#take(lease: Lease): void {
		const frame = parseCall(lease.bytes);
		const client = frame && this.#clientOf(frame.client);
		// No client waits for it: it is no request, or its client is gone, or has given up all that it had sent.
		if (!frame || !client || client.calls.has(frame.call)) {
			lease.done();
			return;
		}
		const attempt = attemptOf(frame, lease);
		const served = this.#methods.get(frame.method);
		const refused = this.#whyRefused(frame, served, attempt);
		if (!served || refused) {
			this.#answerLease(client, lease, () => this.#failure(frame.call, 0, ...(refused as [IpcErrorCode, string])));
			return;
		}
		const uid = frame.uid === NO_UID ? undefined : frame.uid;
		const call = new RunningCall(this.#environment, client, served, frame, uid, attempt, lease);
		client.calls.set(frame.call, call);
		this.#running++;
		this.#leased++;
		if (frame.flags & CallFlags.large) this.#hasStarted(call, StartedFlags.wantsArgs);
		else this.#decode(call, lease.bytes.subarray(frame.payload));
		if (!call.isAnnounced) this.#ageLater(call);
	}

	#whyRefused(
		{ method, deadline }: CallFrame,
		served: ServedMethod | undefined,
		attempt: number,
	): [IpcErrorCode, string] | undefined {
		// Its client does not wait for the answer, but needs one: until then the request counts as one that is in the queue.
		if (deadline !== 0 && this.#service.now() > deadline)
			return [
				"ERR_IPC_TIMED_OUT",
				`The time of this call of ${method} of ${this.#service.endpoint} was over before a server took it${attempt > 1 ? " again" : ". It was not run"}.`,
			];
		// Before the method is looked for: a server of another version, which has the method, may have run it.
		if (attempt > 1 && !served?.options.idempotent)
			return [
				"ERR_IPC_PEER_DIED",
				`The server of ${this.#service.endpoint} that ran ${method} was killed or closed before it answered. ${method} may have run, partly or whole. If it may run twice, mark it: { methods: { ${method}: { idempotent: true } } }.`,
			];
		if (served) return undefined;
		return [
			"ERR_IPC_NO_METHOD",
			`${this.#service.endpoint} has no method ${JSON.stringify(method)}: the methods of the server that took the call are ${[...this.#methods.keys()].join(", ")}.`,
		];
	}

	/**
	 * Answers the requests that a server which is gone had taken, and that may not run again. Their clients are not to wait until a server
	 * has room: this server and all others may be at their limits for hours. What may run goes back, as if it had not been taken.
	 *
	 * A queue gives its messages out in order, and what went back lies before what was never taken. So the first request that was never
	 * taken is the last one to look at.
	 */
	#answerReturned(): void {
		const kept: Lease[] = [];
		try {
			for (;;) {
				const lease = this.#requests.tryTake();
				if (!lease) break;
				const frame = parseCall(lease.bytes);
				const attempt = frame ? attemptOf(frame, lease) : 1;
				const client = frame && attempt > 1 ? this.#clientOf(frame.client) : undefined;
				const refused =
					frame && client && !client.calls.has(frame.call)
						? this.#whyRefused(frame, this.#methods.get(frame.method), attempt)
						: undefined;
				if (frame && client && refused)
					this.#answerLease(client, lease, () => this.#failure(frame.call, 0, ...refused));
				else kept.push(lease);
				if (attempt === 1) break;
			}
		} finally {
			for (const lease of kept) {
				if (lease.bytes.byteLength >= CALL_BYTES) countUnrun(lease.bytes);
				lease.retry();
			}
		}
	}

	/** If this server takes no requests, because it runs as many calls as it may. */
	#lookForReturned(): void {
		if (this.#stopped || this.#requests.closed || this.#running < this.#options.concurrency) return;
		try {
			this.#answerReturned();
		} catch (error) {
			this.#broken(error);
		}
	}

	/** The connection to a client; `undefined`: it is gone. */
	#clientOf(id: number): ClientConnection<RunningCall> | undefined {
		const known = this.#clients.get(id);
		if (known) return known;
		try {
			const ring = this.#service.ringSender(id, (event) => {
				if (event.role === "receiver" && !event.observer && event.type !== "joined") this.#clientGone(id);
			});
			if (!ring) return undefined;
			const client = new ClientConnection<RunningCall>(
				id,
				ring,
				() => this.#dropClient(id),
				() => this.#clientGone(id),
			);
			this.#clients.set(id, client);
			return client;
		} catch (error) {
			warnOnce(
				"IPC_NO_ANSWER",
				this.#service.endpoint,
				`A client of ${this.#service.endpoint} cannot be answered, so its calls are not run: ${error instanceof Error ? error.message : String(error)} Servers and clients of a service need the same permissions.`,
			);
			return undefined;
		}
	}

	/** A client was closed or killed. */
	#clientGone(id: number): void {
		const client = this.#clients.get(id);
		if (!client) return;
		this.#clients.delete(id);
		client.close();
		for (const call of [...client.calls.values()]) this.#cancel(call, "The client is gone.");
	}

	/** A client does not read its answers. It learns it when it reads again. */
	#dropClient(id: number): void {
		try {
			this.#service.dropRing(id);
		} catch {
			// It is gone, or belongs to another user.
		}
		this.#clientGone(id);
	}

	/** No answer of a call is needed any more. */
	#cancel(call: RunningCall, why: string): void {
		call.cancel(why);
		if (call.lease) this.#endLease(call);
		// It has not begun.
		if (!call.isRunning) this.#over(call);
	}

	#decode(call: RunningCall, payload: Uint8Array): void {
		const { served } = call;
		let args: unknown;
		try {
			args = served.decoding.fromBytes(payload);
			if (!Array.isArray(args))
				throw new IpcError(
					"ERR_IPC_INVALID_MESSAGE",
					this.name,
					`The arguments of ${served.name} of ${this.#service.endpoint} must be an array.`,
				);
			const what = `${this.#service.endpoint}: the arguments of ${served.name}`;
			args = validated(this.name, what, served.options.args, args);
		} catch (error) {
			this.#refuse(call, error);
			return;
		}
		const limit = served.options.concurrency;
		call.begin = () => this.#run(call, args as unknown[]);
		if (limit > 0 && served.running >= limit) served.waiting.add(call);
		else call.begin();
	}

	#run(call: RunningCall, args: unknown[]): void {
		const { served } = call;
		served.running++;
		call.isRunning = true;
		let result: unknown;
		try {
			const wanting = contextHandlerOf(served.handler);
			result = wanting ? wanting.call(this.#handlers, call, ...args) : served.handler.apply(this.#handlers, args);
		} catch (error) {
			this.#threw(call, error);
			return;
		}
		if (isThenable(result)) {
			result.then(
				(value) => this.#returned(call, value),
				(error) => this.#threw(call, error),
			);
		} else this.#returned(call, result);
	}

	#returned(call: RunningCall, result: unknown): void {
		let iterator: ReturnType<typeof iteratorOf>;
		try {
			iterator = iteratorOf(result);
		} catch (error) {
			this.#threw(call, error);
			return;
		}
		if (iterator) {
			call.isStream = true;
			this.#hasStarted(call, StartedFlags.stream);
			sendItems(call, iterator, (item) => call.connection.send(this.#value(FrameType.item, call.call, item))).then(
				() => this.#answer(call, () => bareFrame(FrameType.end, 0, call.call, this.#id)),
				(error) => this.#threw(call, error),
			);
			return;
		}
		this.#answer(call, () => this.#value(FrameType.answer, call.call, result));
	}

	#threw(call: RunningCall, error: unknown): void {
		const { isExpired } = call;
		this.#answer(call, () => (isExpired ? this.#expired(call) : this.#error(call.call, error)));
		if (!call.isCancelled && !isExpired) this.#report(error, call);
	}

	/** A call is not run, because of its arguments. */
	#refuse(call: RunningCall, error: unknown): void {
		if (!(error instanceof IpcError)) this.#answer(call, () => this.#error(call.call, error));
		else {
			const { code, message, issues } = error;
			this.#answer(call, () => this.#failure(call.call, 0, code, message, issues && plainIssues(issues)));
		}
	}

	#report(error: unknown, { service, method, pid, uid, attempt }: RunningCall): void {
		this.#options.onError?.(error, { service, method, pid, uid, attempt });
	}

	/** Ends a call with an answer. */
	#answer(call: RunningCall, frame: () => Uint8Array): void {
		call.isAnnounced = true;
		if (!call.isCancelled && !call.connection.closed) {
			const sent = this.#send(call, frame);
			if (sent !== true) {
				// The client does not read. Its request need not stay in the queue for that, where those of others follow it.
				if (call.lease && call.connection.sendNow(this.#started(call, 0))) this.#endLease(call);
				void sent.then(() => this.#over(call));
				return;
			}
		}
		this.#over(call);
	}

	/** Sends an answer, or the error why it cannot be sent. */
	#send(call: RunningCall, frame: () => Uint8Array): true | Promise<boolean> {
		const { connection } = call;
		try {
			return connection.send(frame());
		} catch (error) {
			this.#report(error, call);
			try {
				return connection.send(this.#error(call.call, error));
			} catch {
				const { message } = error as Error;
				return connection.send(this.#failure(call.call, 0, "ERR_IPC_INVALID_MESSAGE", message));
			}
		}
	}

	/** Answers a request that is not run. */
	#answerLease(client: ClientConnection<RunningCall>, lease: Lease, frame: () => Uint8Array): void {
		const sent = client.send(frame());
		if (sent === true) {
			lease.done();
			return;
		}
		countUnrun(lease.bytes); // this server may be closed before the answer is sent
		void sent.then(() => {
			if (!this.#requests.closed) lease.done();
		});
	}

	/** A call is answered, or was given up. */
	#over(call: RunningCall): void {
		if (call.isOver) return;
		call.end();
		this.#endLease(call);
		const { served, connection } = call;
		if (connection.calls.get(call.call) === call) connection.calls.delete(call.call);
		served.waiting.delete(call);
		this.#running--;
		if (call.isRunning) {
			served.running--;
			const [next] = served.waiting;
			if (next) {
				served.waiting.delete(next);
				next.begin?.();
			}
		}
		const hasRoom = this.#hasRoom;
		this.#hasRoom = undefined;
		hasRoom?.();
		this.#checkIdle();
	}

	#checkIdle(): void {
		if (this.#idle.length === 0 || (this.#running > 0 && this.#leased > 0)) return;
		const idle = this.#idle;
		this.#idle = [];
		for (const each of idle) each();
	}

	#endLease(call: RunningCall): void {
		if (!call.lease) return;
		this.#leased--;
		if (this.#requests.closed) call.lease = undefined;
		else call.endLease();
		if (this.#leased === 0) this.#checkIdle();
	}

	/** Tells the client which server runs a call; then the request leaves the queue. */
	#hasStarted(call: RunningCall, flags: number): void {
		call.isAnnounced = true;
		const sent = call.connection.send(this.#started(call, flags));
		if (sent === true || call.connection.sendNow(this.#started(call, flags))) this.#endLease(call);
		else void sent.then(() => this.#endLease(call));
	}

	#started({ call, served }: RunningCall, flags: number): Uint8Array {
		const idempotent = served.options.idempotent ? StartedFlags.idempotent : 0;
		return bareFrame(FrameType.started, flags | idempotent, call, this.#id);
	}

	/** The client of a call learns soon which server runs it, unless it is answered by then. */
	#ageLater(call: RunningCall): void {
		this.#fresh.push(call);
		this.#ageTimer ??= setTimeout(this.#age, SOON_MS);
	}

	readonly #age = (): void => {
		for (const call of this.#aging) if (!call.isAnnounced) this.#hasStarted(call, 0);
		this.#aging = this.#fresh.filter(({ isAnnounced }) => !isAnnounced);
		this.#fresh = [];
		this.#ageTimer = this.#aging.length > 0 ? setTimeout(this.#age, SOON_MS) : undefined;
	};

	#value(type: number, call: number, value: unknown): Uint8Array {
		if (value === undefined) return bareFrame(type, ValueFlags.nothing, call, this.#id);
		const frame = this.#packer.pack(HEADER_BYTES, value);
		writeHeader(frame, type, 0, call, this.#id);
		return frame;
	}

	#error(call: number, error: unknown): Uint8Array {
		let frame: Uint8Array;
		const { stacks } = this.#options;
		try {
			frame = this.#packer.pack(HEADER_BYTES, thrownOf(error, stacks));
		} catch {
			frame = this.#packer.pack(HEADER_BYTES, plainThrownOf(error, stacks));
		}
		writeHeader(frame, FrameType.error, 0, call, this.#id);
		return frame;
	}

	#failure(call: number, flags: number, code: IpcErrorCode, message: string, issues?: unknown): Uint8Array {
		const frame = this.#packer.pack(HEADER_BYTES, issues === undefined ? { code, message } : { code, message, issues });
		writeHeader(frame, FrameType.failure, flags, call, this.#id);
		return frame;
	}

	#expired({ call, method }: RunningCall): Uint8Array {
		const message = `The time of this call of ${method} of ${this.#service.endpoint} was over before it was answered. Its work was aborted; it may have been done.`;
		return this.#failure(call, 0, "ERR_IPC_TIMED_OUT", message);
	}

	/** Another client or server of this service joined, left or died. */
	#peer({ type, role }: PeerEvent): void {
		if (role === "receiver" && type !== "joined") this.#serverGone();
		if (type !== "died" || this.#sweepTimer !== undefined || this.#closed) return;
		// Soon: several processes may be killed together.
		this.#sweepTimer = setTimeout(() => {
			this.#sweepTimer = undefined;
			this.#sweep();
		}, 50);
		this.#sweepTimer.unref();
	}

	/** Another server is gone: what it had taken is in the queue again, or will be after the next look for the dead. */
	#serverGone(): void {
		this.#lookForReturned();
		if (this.#closed) return;
		clearTimeout(this.#returnsTimer);
		this.#returnsTimer = setTimeout(() => this.#lookForReturned(), SECOND_LOOK_MS);
		this.#returnsTimer.unref();
	}

	#sweep(): void {
		try {
			this.#service.sweep();
		} catch {
			// The next sweep tries again.
		}
	}

	async shutdown(options?: ShutdownOptions): Promise<boolean> {
		const timeout = shutdownTimeout(this.name, options);
		const ends = performance.now() + timeout;
		this.#stop();
		// Their clients know from now on which server runs them, so that the queue can be closed.
		for (const client of this.#clients.values())
			for (const call of client.calls.values()) if (!call.isAnnounced) this.#hasStarted(call, 0);
		if (!(await this.#until(() => this.#leased === 0, ends))) {
			this.close();
			return false;
		}
		this.#requests.close();
		const isDone = await this.#until(() => this.#running === 0, ends);
		this.close();
		return isDone;
	}

	/** Waits for a condition that changes when a call ends; false: the time was up. */
	async #until(condition: () => boolean, ends: number): Promise<boolean> {
		while (!condition()) {
			const left = ends - performance.now();
			if (left <= 0 || this.#closed) return condition();
			await new Promise<void>((resolve) => {
				const timer = setTimeout(resolve, Math.min(left, 0x7fffffff));
				this.#idle.push(() => {
					clearTimeout(timer);
					resolve();
				});
			});
		}
		return true;
	}

	/** Takes no more requests. */
	#stop(): void {
		this.#stopped = true;
		this.#leaveThread();
		const hasRoom = this.#hasRoom;
		this.#hasRoom = undefined;
		hasRoom?.();
	}

	close(): void {
		if (this.#closed) return;
		this.#stop();
		this.#closed = true;
		this.#leaveExit();
		clearTimeout(this.#ageTimer);
		clearTimeout(this.#sweepTimer);
		clearTimeout(this.#returnsTimer);
		for (const client of this.#clients.values()) for (const call of [...client.calls.values()]) this.#giveBack(call);
		this.#answerWhatIsLeft();
		// What has a lease still goes back to the queue.
		this.#requests.close();
		this.#inbox.close();
		for (const client of this.#clients.values()) client.close();
		this.#clients.clear();
		this.#sweep();
		this.#checkIdle();
		this.#end();
	}

	/** If this is the last server, its clients are not to wait for another one because of what a server before it had taken. */
	#answerWhatIsLeft(): void {
		try {
			if (!this.#requests.closed && !this.#service.hasServers(2)) this.#answerReturned();
		} catch {
			// The name was cleared, or the memory is damaged: there is nothing to answer.
		}
	}

	/** This server ends before the call does. */
	#giveBack(call: RunningCall): void {
		const { served, isRunning } = call;
		const isAgain = !isRunning || (served.options.idempotent && !call.isStream);
		call.cancel("The server was closed.");
		if (!isRunning) {
			// Another server may run it from now on.
			served.waiting.delete(call);
			call.begin = undefined;
		}
		if (isAgain && call.lease) {
			if (!isRunning) countUnrun(call.lease.bytes);
			return;
		}
		const flags = isAgain ? FailureFlags.retry : 0;
		const message = `The server of ${this.#service.endpoint} was closed before it answered. ${call.method} may have run, partly or whole.`;
		const { connection } = call;
		try {
			const isSent =
				connection.send(this.#failure(call.call, flags, "ERR_IPC_PEER_DIED", message)) === true ||
				connection.sendNow(this.#started(call, 0));
			if (isSent) this.#endLease(call);
			// Its client does not read, and would not learn that a server has run the request.
			else if (call.lease && !this.#service.hasServers(2)) this.#service.dropRing(connection.id);
		} catch {
			// Its client notices that this server is closed.
		}
	}

	[Symbol.dispose](): void {
		this.close();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.shutdown();
	}
}

/** How often a request has been given to a server that may have run it. */
const attemptOf = ({ unrun }: CallFrame, { attempt }: Lease): number => Math.max(1, attempt - unrun);

const isClosed = (error: unknown): boolean => error instanceof IpcError && error.code === "ERR_IPC_CLOSED";

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
	value !== null &&
	(typeof value === "object" || typeof value === "function") &&
	typeof (value as { then?: unknown }).then === "function";
