/** x86 processors make a plain load after every Atomics store and read-modify-write before it: these are locked instructions. */
const isX86 = process.arch === "x64" || process.arch === "ia32";

/**
 * Loads a word that other threads store. Like `Atomics.load` it comes after each Atomics operation before it, so the full fence of a
 * notifier holds. But what follows it may be done earlier. A caller that goes on to read what the word publishes loads the word again
 * by Atomics.
 *
 * On x86 it is a plain load. `Atomics.load` would be a call in V8 (7 ns), and `lock xadd` in JavaScriptCore, which takes the cache line
 * from the other processors as a store does.
 */
export const loadInOrder = isX86
	? (words: Int32Array, index: number): number => words[index] as number
	: (words: Int32Array, index: number): number => Atomics.load(words, index);
