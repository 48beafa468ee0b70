// The first line of the stack of an error of the library.
import { Route } from "libipc";

try {
	Route.sender(5);
} catch (error) {
	console.log(error.stack.split("\n")[1].trim().replace(/.*\//, ""));
}
