/** What the words of a probe are for. */
export const Word = {
	/** 1: the programs of a test may begin. */
	go: 0,
	/** Counted by plain reads and writes under a lock. */
	count: 1,
	/** Equal to `done` whenever no program is inside the lock. */
	begun: 2,
	done: 3,
	/** How often a program learned that the previous owner died. */
	told: 4,
	/** How often a program saw what must not be. */
	wrong: 5,
	/** How many programs are inside at this moment. */
	inside: 6,
	most: 7,
	free: 8,
} as const;

/** What a probe needs of `SharedMemory`. */
export interface ProbeMemory {
	readonly words: Int32Array;
	wake(byteOffset: number): unknown;
	waitOn(byteOffset: number, expected: number): unknown;
	close(): void;
}

/** Words that the programs of a test share. */
export class Probe<Memory extends ProbeMemory = ProbeMemory> implements Disposable {
	readonly memory: Memory;
	readonly words: Int32Array;

	constructor(memory: Memory) {
		this.memory = memory;
		this.words = memory.words;
	}

	get(word: number): number {
		return Atomics.load(this.words, word);
	}

	set(word: number, value: number): void {
		Atomics.store(this.words, word, value);
	}

	add(word: number, value = 1): number {
		return Atomics.add(this.words, word, value) + value;
	}

	/** Lets all programs begin that wait in {@link start}. */
	go(): void {
		this.set(Word.go, 1);
		this.memory.wake(Word.go * 4);
	}

	/** Reports that this program is ready, and blocks until all may begin. */
	start(report: (line: string) => void): void {
		report("ready");
		while (this.get(Word.go) === 0) this.memory.waitOn(Word.go * 4, 0);
	}

	/** Work under an exclusive lock. After `ownerDied`, it first repairs what the dead owner left half done. */
	change(ownerDied: boolean, during = () => {}): void {
		const { words } = this;
		if (ownerDied) {
			Atomics.add(words, Word.told, 1);
			words[Word.done] = words[Word.begun] as number;
		}
		this.check();
		words[Word.begun] = (words[Word.begun] as number) + 1;
		during();
		words[Word.done] = (words[Word.done] as number) + 1;
	}

	/** Checks, under a lock, that nothing is half done. */
	check(): void {
		if (this.words[Word.begun] !== this.words[Word.done]) Atomics.add(this.words, Word.wrong, 1);
	}

	[Symbol.dispose](): void {
		this.memory.close();
	}
}
