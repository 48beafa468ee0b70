/** The command line that starts `libipc` again in the same runtime, for commands that need a second process. */
export const thisProgram = (): readonly string[] => [process.execPath, ...process.execArgv, process.argv[1] ?? ""];
