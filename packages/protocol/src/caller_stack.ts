/** What {@link hideFramesBeside} was called with. */
const modules: (readonly [url: string, module: string])[] = [];

/**
 * Leaves the files beside a module, and below it, out of the stacks of errors. In the published package the module is joined with
 * others to the file of an entry. In the bundle of a user, where the library has no files of its own, it does nothing.
 *
 * @param url - `import.meta.url` of the module.
 * @param module - The name of its file, without the extension.
 * @internal
 */
export function hideFramesBeside(url: string, module: string): void {
	modules.push([url, module]);
}

/** The directory of a module, as it is written in stacks: as a URL, and as a path. None, if the module is in the bundle of a user. */
function directoriesOf(url: string, module: string): readonly string[] {
	const file = /^(file:\/\/)(.*\/)([^/]*)$/.exec(url);
	if (!file) return [];
	const isPublished = /\/dist\/libipc\/[a-z]+\.js$/.test(url);
	if (!isPublished && !new RegExp(`^${module}\\.[cm]?[jt]s$`).test(file[3] as string)) return [];
	return [url.slice(0, -(file[3] as string).length), decodeURIComponent(file[2] as string)];
}

let hidden: readonly string[] = [];
let looked = 0;

/** The directories of the library. They are made for the first error: an import takes no time for them. */
function hiddenDirectories(): readonly string[] {
	if (looked < modules.length) hidden = modules.flatMap((each) => directoriesOf(...each));
	looked = modules.length;
	return hidden;
}

/** The tests of the library lie beside its files, and are its callers. */
const isOwnFrame = (line: string): boolean =>
	/^\s+at /.test(line) && !line.includes(".test.") && hiddenDirectories().some((each) => line.includes(each));

/**
 * Lets the stack of an error begin where the library was called: that is the line that a runtime shows first. A stack of the library
 * alone stays as it is: of an error of a wait, which the event loop ends.
 */
export function startAtCaller(error: Error): void {
	const lines = error.stack?.split("\n") ?? [];
	const first = lines.findIndex(isOwnFrame);
	if (first < 0 || lines.slice(0, first).some((line) => /^\s+at /.test(line))) return;
	let end = first;
	while (end < lines.length && isOwnFrame(lines[end] as string)) end++;
	if (end === lines.length || isOfRuntime(lines[end] as string)) return;
	const stack = [...lines.slice(0, first), ...lines.slice(end)].join("\n");
	Object.defineProperty(error, "stack", { value: stack, writable: true, configurable: true });
	moveToFrame(error, lines[end] as string);
}

/**
 * Bun passes over frames without a function, such as those of code at the top of a module. If a stack has no other frame, Bun shows
 * where these properties say that the error was made.
 */
function moveToFrame(error: Error, frame: string): void {
	const at = /([^\s(]+):(\d+):(\d+)\)?$/.exec(frame);
	if (!at || !Object.hasOwn(error, "sourceURL")) return;
	const place = { sourceURL: at[1], line: Number(at[2]), column: Number(at[3]) };
	for (const [name, value] of Object.entries(place))
		Object.defineProperty(error, name, { value, writable: true, configurable: true });
}

const isOfRuntime = (line: string): boolean =>
	/\((?:node:|native\b|unknown\b)|at (?:async )?(?:node:|native\b|unknown\b)/.test(line);
