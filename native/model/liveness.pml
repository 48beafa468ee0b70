/*
 * Liveness as the kernel's lock: the identity file of a process, the question whether a process is alive, the removal of
 * what a process left (platform/).
 *
 * Modelled: processes that make an identity (create, lock, check the links, publish, companion file) and that end:
 * regularly, or by a kill or exec between any two steps. After exec the new image makes an identity again, in the same
 * process. A child that the first one forks, which shares its open file. Finders that remove identity files without an
 * owner, and may be killed between any two steps, and a last one that comes when all have ended. A process that asks
 * whether the first owner is alive. There are one or two names, so a name comes again soon.
 * A lock belongs to an open file, and ends when the last descriptor of it is closed. A file without a name stays locked.
 * Abstracted: an inode number does not come again; the directory; descriptors run out (then nothing is removed, and the
 * owner counts as alive); threads, which their own process marks as dead; a stranger's read lock, which the question does
 * not see, and which lets an attempt to lock fail, as that of another finder does here. Where a lock is one of the whole
 * file (flock), the question does see finders: it may be answered too late there.
 *
 * Invariant: no process that has published its identity, and runs, is found dead. No process that was killed, replaced or
 * has ended is found alive once no forked child has its file open. A companion file goes before the identity file that
 * leads to it. After the last finder nothing is left.
 *
 * config FORK -DOWNERS=1 -DFINDERS=1 -DSTRIKES=1 an owner, its new image, a child, a finder; strikes at all
 * config NAMES -DOWNERS=2 -DFINDERS=2 -DSTRIKES=1 two owners, two finders; the first owner may be killed. No companions
 * fault NO_LINK_CHECK in NAMES             an owner does not check whether its file was removed before it was locked
 * fault PUBLISHED_UNLOCKED in FORK         an owner publishes its identity before it has the lock
 * fault FINDER_TAKES_NO_LOCK in NAMES      a finder removes what it has seen unlocked
 * fault FINDER_CHECKS_NO_LINKS in NAMES    a finder removes a name though its file has lost the name
 * fault CLOSED_BEFORE_REMOVED in NAMES     an owner that ends closes the file, and then removes the name
 * fault NO_INODE in NAMES                  an identity is its name only
 * fault NO_CLOSE_ON_EXEC in FORK           the new image has the lock of the old one
 * fault FINDER_LOOKS_ALIVE in NAMES       the lock of a finder counts as that of an owner
 * fault CHILD_KEEPS_IT in FORK             a forked child does not close the file
 * fault CHILD_UNLOCKS in FORK              a forked child unlocks the file
 * fault CHILD_REMOVES in FORK              a forked child removes the file when it ends
 * fault IDENTITY_FIRST in FORK             a finder removes the identity file before its companion
 */
#define NAMES (3 - OWNERS)
#define FILES (4 - OWNERS + 1) /* by inode; 0: none */
#define NONE 255

/* Open files: of the two owners, of their new images, of the finders. */
#define OPEN_FILES 6
#define FINDER 4
#define LEFT_OPEN 6 /* of an image that was replaced */

byte at_name[NAMES];      /* the inode behind a name, or 0 */
byte name_of[FILES + 1];  /* under which it was created */
byte lock_of[FILES + 1];  /* the open file that has locked it */
byte companion[FILES + 1];
byte runs[FILES + 1];     /* the process with this identity: 1 from its publication to its end */
bool is_gone[FILES + 1];  /* an owner has locked it, and no process has it open for that owner any more */
byte file_of[OPEN_FILES]; /* what is open there */
byte copies[OPEN_FILES];  /* how many descriptors of it */
byte next_inode = 1;
byte slot;                /* the identity that is asked about, or 0 */
byte struck[3];           /* the owners, the first finder: 1 killed, 2 replaced */
byte strikes = STRIKES;
byte ended;               /* owners, finders and the child */
bool first_has_ended, is_answered, has_forked;

#define IS_LINKED(f) (at_name[name_of[f]] == (f))

inline open_at(it, f) { file_of[it] = f; copies[it] = 1 }

inline close_it(it) {
  d_step {
    if
    :: copies[it] == 1 ->
      if
      :: lock_of[file_of[it]] == it -> lock_of[file_of[it]] = NONE; is_gone[file_of[it]] = is_gone[file_of[it]] || it < FINDER
      :: else
      fi;
      copies[it] = 0; file_of[it] = 0
    :: copies[it] > 1 -> copies[it]--
    :: else
    fi
  }
}

proctype owner(byte me) {
  byte f, it = me; /* the file, and where it is open */
again:
  {
    do
    :: atomic {
        if
        :: next_inode <= FILES && at_name[0] == 0 -> name_of[next_inode] = 0
#if NAMES == 2
        :: next_inode <= FILES && at_name[1] == 0 -> name_of[next_inode] = 1
        :: at_name[0] != 0 && at_name[1] != 0 -> goto finished /* it gives up */
#endif
        :: next_inode > FILES || is_answered -> goto finished
        fi; /* O_EXCL */
        f = next_inode; next_inode++;
        at_name[name_of[f]] = f;
        open_at(it, f)
      }
#ifdef PUBLISHED_UNLOCKED
      atomic { runs[f] = 1; if :: me == 0 && slot == 0 -> slot = f :: else fi }
#endif
      if
      :: atomic { lock_of[f] == NONE -> lock_of[f] = it };
#ifdef NO_LINK_CHECK
        break
#else
        if
        :: IS_LINKED(f) -> break
        :: !IS_LINKED(f) /* removed before it was locked */
        fi
#endif
      :: lock_of[f] != NONE /* a finder is about to remove it */
      fi;
      close_it(it)
    od;
    atomic { runs[f] = 1; if :: me == 0 && slot == 0 -> slot = f :: else fi }
#if OWNERS == 1
    companion[f] = 1;
#endif
    if
#if OWNERS == 1
    :: it == 0 -> atomic { has_forked = true; copies[0]++ }
#endif
    :: it != 0 && slot != f -> (is_answered || slot == 0) /* it runs as long as the question is open */
    :: true
    fi;
    runs[f] = 0;
#if OWNERS == 1
    companion[f] = 0;
#endif
#ifdef CLOSED_BEFORE_REMOVED
    close_it(it);
#endif
    at_name[name_of[f]] = 0
  } unless { struck[me] };
finished:
  if
  :: struck[me] == 2 && it == me -> /* a new image */
    atomic {
      runs[f] = 0; struck[me] = 0;
#ifdef NO_CLOSE_ON_EXEC
      if
      :: lock_of[f] == it -> lock_of[f] = LEFT_OPEN; is_gone[f] = true; copies[it] = 0; file_of[it] = 0
      :: else -> close_it(it)
      fi;
#else
      close_it(it);
#endif
      it = me + 2; f = 0
    }
    goto again
  :: else ->
    atomic { runs[f] = 0; close_it(it); ended++; if :: me == 0 -> first_has_ended = true :: else fi }
  fi
}

#if OWNERS == 1
/* It shares the open file of the first owner, from the fork to its handler. */
proctype child() {
  byte f;
  if
  :: atomic { has_forked -> f = slot };
    if
    :: true /* the handler runs */
#ifdef CHILD_KEEPS_IT
      -> is_answered
#endif
#ifdef CHILD_UNLOCKS
      -> atomic { if :: lock_of[f] == 0 -> lock_of[f] = NONE :: else fi }
#endif
    :: true /* killed before */
    fi;
    close_it(0);
#ifdef CHILD_REMOVES
    at_name[name_of[f]] = 0
#endif
  :: first_has_ended && !has_forked
  fi;
  atomic { f = 0; ended++ }
}
#endif

proctype finder(byte me) {
  byte n, f;
  {
    do
    :: n == NAMES -> break
    :: else ->
      atomic { f = at_name[n]; if :: f != 0 -> open_at(FINDER + me, f) :: else fi }
      if
      :: f == 0
#ifdef FINDER_TAKES_NO_LOCK
      :: f != 0 && lock_of[f] == NONE ->
#else
      :: atomic { f != 0 && lock_of[f] == NONE -> lock_of[f] = FINDER + me };
#endif
        if
#ifndef FINDER_CHECKS_NO_LINKS
        :: !IS_LINKED(f)
        :: IS_LINKED(f) ->
#else
        :: true ->
#endif
#ifdef IDENTITY_FIRST
          at_name[n] = 0;
          companion[f] = 0
#elif OWNERS == 1
          companion[f] = 0;
          at_name[n] = 0
#else
          at_name[n] = 0
#endif
        fi
      :: f != 0 && lock_of[f] != NONE
      fi;
      close_it(FINDER + me);
      f = 0;
      n++
    od
  } unless { me == 0 && struck[2] };
  atomic { close_it(FINDER + me); f = 0; n = 0; ended++ }
}

/* The last finder: no other process runs any more. */
#define LEFT(n) (at_name[n] != 0 && lock_of[at_name[n]] != NONE)
#define REMOVE(n) companion[at_name[n]] = 0; at_name[n] = 0
proctype last_finder() {
  byte f;
  d_step {
    ended == 2 + FINDERS && is_answered -> /* the owners and the child, or two owners */
      assert(!LEFT(0));
      REMOVE(0);
#if NAMES == 2
      assert(!LEFT(1));
      REMOVE(1);
#endif
      f = 1;
      do :: f > FILES -> break :: else -> assert(companion[f] == 0); f++ od
  }
}

/* The question sees locks of owners only: they lock a byte that a finder does not lock. */
#ifdef FINDER_LOOKS_ALIVE
#define IS_LOCKED(f) (lock_of[f] != NONE)
#else
#define IS_LOCKED(f) (lock_of[f] != NONE && (lock_of[f] < FINDER || lock_of[f] == LEFT_OPEN))
#endif

/* Asks until the answer is "dead". */
proctype asker() {
  byte f;
  do
  :: slot == 0 && first_has_ended -> break
  :: slot != 0 ->
    f = at_name[name_of[slot]];
    if
#ifdef NO_INODE
    :: f == 0 ->
#else
    :: f != slot ->
#endif
      assert(runs[slot] == 0);
      break
    :: else
    fi;
    if
    :: atomic { IS_LOCKED(f) -> assert(!is_gone[f]) }
    :: !IS_LOCKED(f) -> assert(runs[slot] == 0); break
    fi;
    /* alive: it asks again */
#ifdef NO_INODE
    (at_name[name_of[slot]] == 0 || !IS_LOCKED(at_name[name_of[slot]]))
#else
    (at_name[name_of[slot]] != slot || !IS_LOCKED(slot))
#endif
  od;
  atomic { f = 0; is_answered = true }
}

proctype striker() {
end:
  do
  :: atomic { strikes > 0 && !first_has_ended -> struck[0] = 1; strikes-- }
#if OWNERS == 1
  :: atomic { strikes > 0 && !first_has_ended -> struck[0] = 2; strikes-- }
  :: struck[2] == 0 && ended < 2 + FINDERS -> struck[2] = 1
#endif
  :: strikes > 0 -> strikes = 0
  od
}

init {
  atomic {
    lock_of[1] = NONE; lock_of[2] = NONE; lock_of[3] = NONE;
#if OWNERS == 1
    lock_of[4] = NONE;
#endif
    run owner(0);
#if OWNERS == 2
    run owner(1);
#else
    run child();
#endif
    run finder(0);
#if FINDERS == 2
    run finder(1);
#endif
    run last_finder(); run asker(); run striker()
  }
}
