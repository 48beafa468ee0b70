/**
 * What is used of `node:fs`. An `import` of it makes Node load a dozen modules more, those for promises, directories and terminals,
 * because a module that is imported has all of its exports.
 */
export const { closeSync, constants, existsSync, fstatSync, openSync, readFileSync, readlinkSync, readSync, statSync } =
	process.getBuiltinModule("node:fs");
