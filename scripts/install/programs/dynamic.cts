// A CommonJS file that imports libipc dynamically.
async function publish(text: string): Promise<boolean> {
	const { Route } = await import("libipc");
	const sender = Route.sender("prices");
	try {
		return sender.send(text);
	} finally {
		sender.close();
	}
}

void publish("42.17");
