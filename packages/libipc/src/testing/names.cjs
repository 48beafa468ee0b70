// As a CommonJS program writes it: all names, required or imported, lead to one instance of the library.
const names = ["libipc", "@libipc/core", "@libipc/compat"];
const required = names.map((name) => require(name));
Promise.all(names.map((name) => import(name))).then((imported) => {
	const { Route, IpcError } = required[0];
	const all = [...required, ...imported];
	console.log(
		all.every((each) => each.Route === Route && each.IpcError === IpcError && typeof each.list === "function"),
	);
});
