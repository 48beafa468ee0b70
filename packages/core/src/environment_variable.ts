/**
 * A variable of the environment; `undefined`: it is not set. Deno throws if the process may not read it (`--allow-env`): it counts as
 * not set then.
 *
 * @internal
 */
export function environmentVariable(name: string): string | undefined {
	try {
		return process.env[name];
	} catch {
		return undefined;
	}
}
