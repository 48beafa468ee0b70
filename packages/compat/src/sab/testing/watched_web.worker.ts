/** Ends when it is told to. */
declare const self: Worker;

self.onmessage = () => process.exit(0);
