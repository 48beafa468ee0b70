/** Reads libraries of Linux: elf(5). */
import { type SharedObject, textAt } from "./shared_object.ts";

const MACHINES: Readonly<Record<number, string>> = { 62: "x64", 183: "arm64" };

const SectionType = { symbols: 2, dynamic: 6, dynamicSymbols: 11, versionsNeeded: 0x6ffffffe } as const;
const Tag = { needed: 1, name: 14 } as const;
const SYMBOL_BYTES = 24;
const DYNAMIC_BYTES = 16;
const LOCAL = 0;
const Visibility = { mask: 3, internal: 1, hidden: 2 } as const;

interface Section {
	readonly type: number;
	readonly offset: number;
	readonly size: number;
	/** For most types: the section with its texts. */
	readonly link: number;
	/** For some types: how many entries it has. */
	readonly info: number;
}

export function readElf(bytes: Uint8Array): SharedObject {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const u16 = (offset: number): number => view.getUint16(offset, true);
	const u32 = (offset: number): number => view.getUint32(offset, true);
	const u64 = (offset: number): number => Number(view.getBigUint64(offset, true));

	const sections: Section[] = Array.from({ length: u16(60) }, (_, i) => {
		const at = u64(40) + i * u16(58);
		return { type: u32(at + 4), offset: u64(at + 24), size: u64(at + 32), link: u32(at + 40), info: u32(at + 44) };
	});
	const ofType = (type: number): readonly Section[] => sections.filter((each) => each.type === type);
	const textOf = ({ link }: Section, offset: number): string => textAt(bytes, (sections[link]?.offset ?? 0) + offset);
	const entriesOf = ({ offset, size }: Section, length: number): number[] =>
		Array.from({ length: size / length }, (_, i) => offset + i * length);

	const dynamic = (tag: number): string[] =>
		ofType(SectionType.dynamic).flatMap((section) =>
			entriesOf(section, DYNAMIC_BYTES)
				.filter((at) => u64(at) === tag)
				.map((at) => textOf(section, u64(at + 8))),
		);

	const exported: string[] = [];
	const imported: string[] = [];
	for (const section of ofType(SectionType.dynamicSymbols)) {
		for (const at of entriesOf(section, SYMBOL_BYTES)) {
			const [binding, visibility] = [view.getUint8(at + 4) >> 4, view.getUint8(at + 5) & Visibility.mask];
			if (binding === LOCAL || visibility === Visibility.hidden || visibility === Visibility.internal) continue;
			const isDefined = u16(at + 6) !== 0;
			(isDefined ? exported : imported).push(textOf(section, u32(at)));
		}
	}

	const versions: string[] = [];
	for (const section of ofType(SectionType.versionsNeeded)) {
		for (let i = 0, file = section.offset; i < section.info; i++, file += u32(file + 12)) {
			for (let j = 0, at = file + u32(file + 8); j < u16(file + 2); j++, at += u32(at + 12))
				versions.push(textOf(section, u32(at + 8)));
		}
	}

	return {
		platform: "linux",
		arch: MACHINES[u16(18)] ?? `machine ${u16(18)}`,
		name: dynamic(Tag.name)[0],
		needed: dynamic(Tag.needed),
		versions: [...new Set(versions)].sort(),
		exported: exported.sort(),
		imported: imported.sort(),
		isStripped: ofType(SectionType.symbols).length === 0,
		isSigned: false,
	};
}
