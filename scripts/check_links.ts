/**
 * Checks the links of the pages in Markdown: each relative link leads to a file or folder of the repository, and each
 * `#anchor` to a heading of its page. Addresses on the web are not visited.
 *
 *   bun scripts/check_links.ts
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"];

/** All pages of a folder, except for generated ones. */
function pagesIn(folder: string): string[] {
	return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
		const path = join(folder, entry.name);
		if (entry.isDirectory()) return path === join(ROOT, "docs/api") ? [] : pagesIn(path);
		return entry.name.endsWith(".md") ? [path] : [];
	});
}

/** The text without code: neither blocks nor spans contain links or headings. Lines keep their numbers. */
function withoutCode(text: string): string {
	const lines = text.split("\n");
	let fence = "";
	return lines
		.map((line) => {
			const [, mark = ""] = /^\s*(`{3,}|~{3,})/.exec(line) ?? [];
			if (fence !== "") {
				if (mark.startsWith(fence)) fence = "";
				return "";
			}
			if (mark === "") return line;
			fence = mark;
			return "";
		})
		.join("\n");
}

/** The anchors of a page, made as GitHub makes them: of two equal headings the second one ends with `-1`. */
function anchorsOf(text: string): Set<string> {
	const anchors = new Set<string>();
	for (const [, heading = ""] of withoutCode(text).matchAll(/^#{1,6}\s+(.*?)\s*#*$/gm)) {
		const slug = heading
			.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
			.toLowerCase()
			.replace(/[^\p{Letter}\p{Mark}\p{Number}\p{Connector_Punctuation} -]/gu, "")
			.replaceAll(" ", "-");
		let anchor = slug;
		for (let n = 1; anchors.has(anchor); n++) anchor = `${slug}-${n}`;
		anchors.add(anchor);
	}
	for (const [, id = ""] of text.matchAll(/<[^>]+\s(?:id|name)="([^"]+)"/g)) anchors.add(id);
	return anchors;
}

const pages = [...PAGES.map((page) => join(ROOT, page)), ...pagesIn(join(ROOT, "docs"))];
const anchors = new Map<string, Set<string>>();

function hasAnchor(page: string, anchor: string): boolean {
	let known = anchors.get(page);
	if (!known) {
		known = anchorsOf(readFileSync(page, "utf8"));
		anchors.set(page, known);
	}
	return known.has(anchor);
}

/** Why a link of a page leads nowhere; `undefined` if it leads somewhere, or to the web. */
function problemOf(page: string, link: string): string | undefined {
	if (/^[a-z][a-z0-9+.-]*:/i.test(link)) return undefined;
	const [path = "", anchor = ""] = link.split("#", 2).map(decodeURIComponent);
	const target = path === "" ? page : resolve(dirname(page), path);
	if (path.startsWith("/") || relative(ROOT, target).startsWith("..")) return "it leads out of the repository";
	if (!existsSync(target)) return "there is no such file";
	if (anchor === "") return undefined;
	if (!target.endsWith(".md") || !statSync(target).isFile()) return "only pages in Markdown have anchors";
	return hasAnchor(target, anchor) ? undefined : "the page has no such heading";
}

const problems: string[] = [];
let count = 0;
for (const page of pages) {
	const text = withoutCode(readFileSync(page, "utf8")).replace(/`[^`\n]*`/g, (span) => " ".repeat(span.length));
	const links = [
		...text.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g),
		...text.matchAll(/^\[[^\]]+\]:\s*(\S+)/gm),
		...text.matchAll(/<(?:a|img|source)\s[^>]*?(?:href|src|srcset)="([^"]+)"/g),
	];
	for (const { 1: link = "", index } of links) {
		count++;
		const problem = problemOf(page, link);
		const line = text.slice(0, index).split("\n").length;
		if (problem) problems.push(`${relative(ROOT, page)}:${line}: ${link}: ${problem}`);
	}
}

for (const problem of problems) console.error(problem);
if (count === 0) console.error("No link was found in any page: the search is broken.");
console.log(`${count} links in ${pages.length} pages, ${problems.length} broken`);
process.exitCode = problems.length > 0 || count === 0 ? 1 : 0;
