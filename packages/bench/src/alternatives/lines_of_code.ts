/** The lines of code of a source: neither empty lines nor comments. */
export function linesOfCode(source: string): number {
	return source.split("\n").filter((line) => !/^\s*(\/\/.*|\/?\*.*)?$/.test(line)).length;
}
