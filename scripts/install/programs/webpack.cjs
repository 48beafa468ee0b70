// Bundles exchange.mjs. Arguments: the path of webpack, and `external` or `bundled`.
const [path, choice] = process.argv.slice(2);
const webpack = require(path);

const configuration = {
	mode: "production",
	target: "node20",
	context: __dirname,
	entry: "./exchange.mjs",
	output: { path: `${__dirname}/out`, filename: "exchange.mjs", module: true, chunkFormat: "module" },
	experiments: { outputModule: true },
	externalsType: "module",
	externals: choice === "external" ? ["libipc"] : [],
};

webpack(configuration, (error, stats) => {
	if (error) throw error;
	if (stats.hasErrors() || stats.hasWarnings()) {
		console.error(stats.toString({ colors: false }));
		process.exitCode = 1;
	}
});
