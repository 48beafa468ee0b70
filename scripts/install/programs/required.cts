// A CommonJS file that requires libipc.
import libipc = require("libipc");

function publish(text: string): boolean {
	const sender: libipc.Sender = libipc.Route.sender("prices");
	try {
		return sender.send(text);
	} finally {
		sender.close();
	}
}

publish("42.17");
