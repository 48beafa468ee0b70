/*
 * A message is moved from one queue to another (moves.h, letters.c, claim_lock.c): once, whenever movers are killed.
 *
 * Modelled: two movers, one after another holder of the lease, and one more after those; a sender of the destination,
 * which publishes other messages and takes the claim over from dead owners; the table of one entry, move_open, move_at,
 * head, and the lease at the source with its end. Movers and the sender are killed between any two steps, as often as
 * `kills` says. The ring of the destination goes round at once: what was published cannot be read there any more.
 * Abstracted: memory order (all of it is under the claim, or under the lease, whose holders follow one another), what
 * the records hold, and how the claim is waited for.
 *
 * Invariant: the message is published at most once, and exactly once when the lease has ended; the lease ends as long
 * as a mover is left.
 *
 * fault NO_RESOLVE           the sender that takes the claim over does not look at move_open
 * fault ENTRY_AFTER_HEAD     the entry is stored after head
 * fault ENTRY_BEFORE_OPEN    the entry is stored before move_open
 * fault FORGET_BEFORE_DONE   the entry is emptied before the lease has ended
 * fault NO_LOOK              a mover publishes without looking for the entry
 */
#define FREE 0
#define MOVERS 3
#define SENDER 4

byte claim;         /* the owner, or 0 */
bool dead[5];
byte head;          /* counts records */
byte move_open, move_at;
bool entry;         /* the mover's word of the entry is not 0 */
byte published;     /* truth: how often the message was */
bool lease_ended;
byte holder = 1;    /* of the lease */
byte kills = 2;
byte others;        /* messages of the sender */

#define MAY_DIE(me) if :: atomic { kills > 0 -> kills--; dead[me] = true }; goto died :: true fi

/* ipc_claim_take_over() and claim_finish_move(), with deaths in between. */
inline take_claim(me, owner) {
  atomic { (claim == 0 || dead[claim]) -> owner = claim; claim = me }
  MAY_DIE(me);
#ifndef NO_RESOLVE
  if
  :: owner != 0 && move_open != 0 ->
    if
    :: head == move_at -> MAY_DIE(me); entry = false
    :: else
    fi;
    MAY_DIE(me);
    move_open = 0;
    MAY_DIE(me)
  :: else
  fi;
#endif
}

proctype mover(byte me) {
  byte owner;
  bool found;
  /* The lease: of the next one when the last holder is dead. */
  if
  :: atomic { holder == me || (holder == me - 1 && dead[holder] && !lease_ended) -> holder = me }
  :: lease_ended && holder != me -> goto over
  fi;
  take_claim(me, owner);
  found = entry; /* ipc_moves_find() */
  claim = 0;
  MAY_DIE(me);
#ifdef NO_LOOK
  found = false;
#endif
  if
  :: found
  :: else ->
    take_claim(me, owner);
#ifdef ENTRY_BEFORE_OPEN
    entry = true;
    MAY_DIE(me);
#endif
    move_at = head;
    MAY_DIE(me);
    move_open = 1;
    MAY_DIE(me);
#ifndef ENTRY_AFTER_HEAD
    entry = true;
    MAY_DIE(me);
#endif
    atomic { head++; published++; assert(published == 1) }
    MAY_DIE(me);
#ifdef ENTRY_AFTER_HEAD
    entry = true;
    MAY_DIE(me);
#endif
    move_open = 0;
    MAY_DIE(me);
    claim = 0;
    MAY_DIE(me)
  fi;
#ifdef FORGET_BEFORE_DONE
  entry = false;
  MAY_DIE(me);
#endif
  atomic { lease_ended = true; assert(published == 1) }
  MAY_DIE(me);
  entry = false;
over:
  skip;
died:
  skip
}

/* Another sender of the destination. Each of its messages moves head. */
proctype sender() {
  byte owner;
  do
  :: others < 2 ->
    take_claim(SENDER, owner);
    head++;
    others++;
    MAY_DIE(SENDER);
    claim = 0;
    MAY_DIE(SENDER)
  :: others == 2 -> break
  od;
died:
  skip
}

init {
  atomic { run mover(1); run mover(2); run mover(3); run sender() }
  (_nr_pr == 1) -> assert(lease_ended && published == 1)
}
