/** The names of the two processes of `bun run bench:service`. */
export const REQUESTS = "requests";
export const ANSWERS = "answers";
export const SERVICE = "service";
export const JSON_SERVICE = "json-service";

/** What the service does. */
export interface EchoHandlers {
	echo(value: string): string;
}
