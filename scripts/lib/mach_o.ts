/** Reads libraries of macOS: `<mach-o/loader.h>` and `<mach-o/nlist.h>`. */
import { type SharedObject, textAt } from "./shared_object.ts";

const CPUS: Readonly<Record<number, string>> = { 16777223: "x64", 16777228: "arm64" };

const Command = {
	symbols: 0x2,
	load: 0xc,
	id: 0xd,
	signature: 0x1d,
	dyldInfo: 0x80000022,
	build: 0x32,
	exportsTrie: 0x80000033,
} as const;
const HEADER_BYTES = 32;
const SYMBOL_BYTES = 16;
/** Bits of `n_type`. */
const SymbolBits = { debug: 0xe0, privateExternal: 0x10, section: 0x0e, external: 0x01 } as const;

export function readMachO(bytes: Uint8Array): SharedObject {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const u32 = (offset: number): number => view.getUint32(offset, true);

	const commands = new Map<number, number[]>();
	for (let i = 0, at = HEADER_BYTES; i < u32(16); i++, at += u32(at + 4))
		commands.set(u32(at), [...(commands.get(u32(at)) ?? []), at]);
	const all = (command: number): readonly number[] => commands.get(command) ?? [];
	const nameOf = (at: number): string => textAt(bytes, at + u32(at + 8));

	const versions = all(Command.build).map((at) => `macOS ${u32(at + 12) >>> 16}.${(u32(at + 12) >>> 8) & 0xff}`);

	const imported: string[] = [];
	let isStripped = true;
	for (const command of all(Command.symbols)) {
		for (let i = 0; i < u32(command + 12); i++) {
			const at = u32(command + 8) + i * SYMBOL_BYTES;
			const type = view.getUint8(at + 4);
			const isExternal = (type & SymbolBits.external) !== 0 && (type & SymbolBits.privateExternal) === 0;
			if (!isExternal || (type & SymbolBits.debug) !== 0) isStripped = false;
			else if ((type & SymbolBits.section) === 0) imported.push(textAt(bytes, u32(command + 16) + u32(at)));
		}
	}

	// The loader reads the exports from a trie, and not from the table of symbols.
	const tries = [
		...all(Command.dyldInfo).map((at) => [u32(at + 40), u32(at + 44)] as const),
		...all(Command.exportsTrie).map((at) => [u32(at + 8), u32(at + 12)] as const),
	];
	const exported = tries.flatMap(([offset, size]) => namesInTrie(bytes.subarray(offset, offset + size)));

	const withoutUnderscore = (name: string): string => name.replace(/^_/, "");
	return {
		platform: "darwin",
		arch: CPUS[u32(4)] ?? `processor ${u32(4)}`,
		name: all(Command.id).map(nameOf)[0],
		needed: all(Command.load).map(nameOf),
		versions,
		exported: exported.map(withoutUnderscore).sort(),
		imported: imported.map(withoutUnderscore).sort(),
		isStripped,
		isSigned: all(Command.signature).length > 0,
	};
}

/** The names in a trie of exports. A node is: the length of its information, that information, and edges to other nodes. */
function namesInTrie(trie: Uint8Array): string[] {
	if (trie.byteLength === 0) return [];
	let at = 0;
	const byte = (): number => trie[at++] ?? 0;
	const uleb128 = (): number => {
		let value = 0;
		for (let shift = 0, part = 0x80; (part & 0x80) !== 0; shift += 7) {
			part = byte();
			value |= (part & 0x7f) << shift;
		}
		return value;
	};
	const names: string[] = [];
	const visit = (node: number, prefix: string): void => {
		at = node;
		const informationBytes = uleb128();
		if (informationBytes > 0) names.push(prefix);
		at += informationBytes;
		const edges = Array.from({ length: byte() }, () => {
			const label = textAt(trie, at);
			at = trie.indexOf(0, at) + 1;
			return [prefix + label, uleb128()] as const;
		});
		for (const [name, child] of edges) visit(child, name);
	};
	visit(0, "");
	return names;
}
