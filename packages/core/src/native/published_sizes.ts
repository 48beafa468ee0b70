/**
 * The size in bytes of each file in `native/` of the package, by its path there: `linux-x64/libipc.so`. Empty in the repository:
 * `scripts/pack.ts` writes this module of the published package.
 */
export const publishedSizes: Readonly<Record<string, number>> = {};
