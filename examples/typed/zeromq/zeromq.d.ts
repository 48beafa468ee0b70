/** The little of npm's `zeromq` that the programs use: it is not installed with the repository (`tools/zeromq`). */
declare module "zeromq" {
	export class Push {
		bind(address: string): Promise<void>;
		send(message: string): Promise<void>;
	}

	export class Pull implements AsyncIterable<[Buffer]> {
		connect(address: string): void;
		[Symbol.asyncIterator](): AsyncIterator<[Buffer]>;
	}
}
