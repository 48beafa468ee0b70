/** Words of the probe of the tests of Signals: what was written before the last notification of each of the first four ids. */
export const NOTIFIED = 100;

/** From here on four words for each program: which of those values it has seen. */
export const SEEN = 200;
