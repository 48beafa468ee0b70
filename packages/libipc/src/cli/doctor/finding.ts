/** How good a finding is: `problem`: libipc does not work, or not with other processes; `warning`: it works, and may not always. */
export type Grade = "ok" | "warning" | "problem";

/** One thing that `doctor` has looked at. */
export interface Finding {
	/** A stable word, for programs: `engine`, `space`. */
	readonly about: string;
	readonly grade: Grade;
	/** What it found. */
	readonly found: string;
	/** What to change. */
	readonly advice?: string;
}

export const ok = (about: string, found: string): Finding => ({ about, grade: "ok", found });

export const warning = (about: string, found: string, advice: string): Finding => ({
	about,
	grade: "warning",
	found,
	advice,
});

export const problem = (about: string, found: string, advice: string): Finding => ({
	about,
	grade: "problem",
	found,
	advice,
});
