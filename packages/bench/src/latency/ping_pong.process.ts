/** A side of the ping-pong in a process of its own: what to do comes as JSON arguments, the times go out on stdout. */
import { play, type Rally, type Role } from "./ping_pong.ts";

const [role, rally] = process.argv.slice(2).map((argument) => JSON.parse(argument) as unknown);
try {
	await Bun.write(Bun.stdout, play(role as Role, rally as Rally));
} catch (error) {
	console.error(error instanceof Error ? error.message : error);
	process.exitCode = 1;
}
