import { say } from "./peer_side.ts";
import { SharedMemory } from "./under_test.ts";

/** What the words of a probe are for. */
export const Word = {
	/** 1: the processes of a test may begin. */
	go: 0,
	/** Counted by plain reads and writes under a lock. */
	count: 1,
	/** Equal whenever nobody is inside. */
	begun: 2,
	done: 3,
	/** How often somebody was told of a death. */
	told: 4,
	/** How often something was seen that must not be. */
	wrong: 5,
	/** Who is inside, at this moment. */
	inside: 6,
	most: 7,
	free: 8,
} as const;

/** Words that the processes of a test share. */
export class Probe implements Disposable {
	readonly memory: SharedMemory;
	readonly words: Int32Array;

	constructor(prefix: string, name: string) {
		this.memory = SharedMemory.open(`${name}.probe`, { prefix, size: 4096 });
		this.words = this.memory.words;
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

	/** Lets all who wait for it begin. */
	go(): void {
		this.set(Word.go, 1);
		this.memory.wake(Word.go * 4);
	}

	/** Says that this process is ready, and waits until all may begin. */
	start(): void {
		say("ready");
		while (this.get(Word.go) === 0) this.memory.waitOn(Word.go * 4, 0);
	}

	/** Work under an exclusive lock. `ownerDied`: what is half done is put right. */
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

	/** Looks, under a lock, whether something is half done. */
	check(): void {
		if (this.words[Word.begun] !== this.words[Word.done]) Atomics.add(this.words, Word.wrong, 1);
	}

	[Symbol.dispose](): void {
		this.memory.close();
	}
}
