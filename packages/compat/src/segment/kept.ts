import { headerWord } from "@libipc/protocol";
import type { Segment } from "./segment.ts";

const { kept: KEPT } = headerWord;

/** Whether the segment that begins at word `first` keeps its name when no handle is open: `ipc_segment_is_kept`. Under the name lock. */
export const isKeptAt = (words: Int32Array, first: number): boolean => words[first + KEPT] !== 0;

export const isKept = ({ words }: Segment): boolean => isKeptAt(words, 0);

/** For ever. Under the name lock. */
export function keep({ words }: Segment): void {
	words[KEPT] = 1;
}
