/*
 * ending.h - a process that a signal ends leaves no file behind where it was the last.
 *
 * SIGHUP, SIGINT and SIGTERM end a process that has no handler for them, before it can close anything. For others that
 * is a kill, and they recover what it held. But the files of names that no other process has open would stay, and use
 * memory, until somebody opens the names again. So the process removes those before it ends.
 */
#ifndef LIBIPC_ENDING_H
#define LIBIPC_ENDING_H

/* Watches these signals from now on, where they have their default action. Called by each open; cheap. */
void ipc_ending_watch(void);

#endif
