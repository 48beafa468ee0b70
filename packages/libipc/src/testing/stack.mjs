// The first line of the stack of an error of the library: of the package, and of an entry beside it.
import { Route } from "libipc";
import { text } from "libipc/codecs";
import { sealed } from "libipc/codecs/sealed";

const show = (error) => console.log(error.stack.split("\n")[1].trim().replace(/.*\//, ""));
try {
	Route.sender(5);
} catch (error) {
	show(error);
}
try {
	sealed(text(), []);
} catch (error) {
	show(error);
}
