/** A screen of a terminal as SVG: text with the colours of ANSI sequences, on a dark background. */

const CELL = 8.4;
const LINE = 18;
const PADDING = 14;
const FOREGROUND = "#d4d7dd";

const styles: Readonly<Record<string, string>> = {
	"1": 'font-weight="bold" fill="#ffffff"',
	"2": 'fill="#8b919c"',
	"31": 'fill="#ff7b72"',
	"32": 'fill="#7ee787"',
	"33": 'fill="#e3b341"',
	"36": 'font-weight="bold" fill="#76e3ea"',
};

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** The parts of a line that have one style each, and their columns. */
function partsOf(line: string): { readonly column: number; readonly style: string; readonly text: string }[] {
	const parts: { column: number; style: string; text: string }[] = [];
	let style = "";
	let column = 0;
	// biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with ESC
	for (const [, code, text = ""] of line.matchAll(/\x1b\[(\d*)m|([^\x1b]+)/g)) {
		if (code !== undefined) style = styles[code] ?? "";
		else {
			// Spaces carry no style; words are placed by column, whatever the font is.
			for (const word of text.matchAll(/\S+(?: \S+)*/g))
				parts.push({ column: column + word.index, style, text: word[0] });
			column += [...text].length;
		}
	}
	return parts;
}

/**
 * @param lines - With ANSI sequences for colours.
 * @param title - For those that cannot see it.
 */
export function terminalSvg(lines: readonly string[], columns: number, title: string): string {
	const width = Math.round(columns * CELL + 2 * PADDING);
	const height = Math.round(lines.length * LINE + 2 * PADDING);
	const rows = lines.flatMap((line, row) => {
		const y = PADDING + (row + 0.75) * LINE;
		return partsOf(line).map(({ column, style, text }) => {
			const x = (PADDING + column * CELL).toFixed(1);
			const length = ([...text].length * CELL).toFixed(1);
			return `<text x="${x}" y="${y.toFixed(1)}" textLength="${length}"${style && ` ${style}`}>${escaped(text)}</text>`;
		});
	});
	return [
		`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
		`<title>${escaped(title)}</title>`,
		`<rect width="${width}" height="${height}" rx="8" fill="#16181d"/>`,
		`<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14" fill="${FOREGROUND}" xml:space="preserve" lengthAdjust="spacingAndGlyphs">`,
		...rows,
		"</g>",
		"</svg>",
		"",
	].join("\n");
}
