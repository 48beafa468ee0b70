interface Warning extends Error {
	readonly code?: string;
}

/** The warnings of this package that a call causes. They are given in a later turn of the event loop. */
export async function warningsOf(call: () => unknown): Promise<readonly string[]> {
	const texts: string[] = [];
	const collect = (warning: Warning): void => {
		if (warning.name === "IpcWarning") texts.push(`${warning.code}: ${warning.message}`);
	};
	process.on("warning", collect);
	try {
		await call();
		await new Promise((resolve) => setImmediate(resolve));
		await new Promise((resolve) => setImmediate(resolve));
		return texts;
	} finally {
		process.off("warning", collect);
	}
}
