/** How much memory stamped senders and receivers keep for the messages that they copy. */

/** Memory for messages of up to so many bytes is allocated when the endpoint is opened. */
export const SMALL = 4096;
/** The most memory that is kept for the next message. */
export const LARGEST_KEPT = 1 << 20;
/** Up to so many bytes, a loop copies faster than a view is made. */
export const LOOP_BYTES = 64;
