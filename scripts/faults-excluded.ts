/** Fault points that no scenario passes, by a part of their name, and why that is right. One that is passed after all fails the run. */
export const exclusions: Readonly<Record<string, string>> = {};
