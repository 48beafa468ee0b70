/**
 * Builds the API reference from the TSDoc comments of the public API: in docs/api, and as one page in docs/reference.md.
 *
 *   bun run docs
 *   bun run docs --check    writes nothing, and fails if docs/reference.md is not up to date
 *
 * It fails on a public declaration or member without a comment, a call without an example, an option without a default value, a
 * broken link, and any other warning.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Application } from "typedoc";
import { describeApiValues } from "./api_values.ts";
import { referencePage } from "./reference_page.ts";
import { requireTags } from "./required_tags.ts";

const path = (relative: string): string => fileURLToPath(new URL(`../../../${relative}`, import.meta.url));

const application = await Application.bootstrap({
	name: "libipc",
	entryPoints: [
		path("packages/libipc/src/node.ts"),
		path("packages/libipc/src/codecs.ts"),
		...["msgpack", "protobuf", "flatbuffers", "sealed"].map((codec) => path(`packages/libipc/src/codecs/${codec}.ts`)),
		path("packages/libipc/src/service.ts"),
		path("packages/libipc/src/streams.ts"),
		path("packages/libipc/src/web.ts"),
		path("packages/libipc/src/web/global.ts"),
		path("packages/core/src/api.ts"),
	],
	tsconfig: path("packages/reference/tsconfig.json"),
	basePath: path("packages"),
	readme: "none",
	sort: ["source-order"],
	sortEntryPoints: false,
	groupOrder: ["Variables", "Functions", "Classes", "Interfaces", "Type Aliases"],
	disableSources: true,
	validation: { notExported: true, invalidLink: true, rewrittenLink: true, notDocumented: true },
	packagesRequiringDocumentation: ["libipc", "@libipc/compat", "@libipc/core", "@libipc/protocol"],
	requiredToBeDocumented: [
		"Module",
		"Variable",
		"Function",
		"Class",
		"Constructor",
		"Interface",
		"Property",
		"Method",
		"Accessor",
		"TypeAlias",
		"CallSignature",
	],
	excludeInternal: true,
	excludeExternals: true,
	treatWarningsAsErrors: true,
	treatValidationWarningsAsErrors: true,
});
describeApiValues(application);
const project = await application.convert();
const isRight = (): boolean => !application.logger.hasErrors() && !application.logger.hasWarnings();
if (project) {
	application.validate(project);
	requireTags(application, project);
	const page = referencePage(project);
	if (process.argv.includes("--check")) {
		if (readFileSync(path("docs/reference.md"), "utf8") !== page)
			application.logger.error("docs/reference.md is not up to date: bun run docs");
	} else if (isRight()) {
		writeFileSync(path("docs/reference.md"), page);
		await application.generateDocs(project, path("docs/api"));
	}
}
process.exit(project && isRight() ? 0 : 1);
