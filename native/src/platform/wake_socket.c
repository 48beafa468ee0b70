/*
 * wake_socket.c - the wakers of this process: datagram sockets with a file in the storage directory (waker_file.c).
 *
 * A file, and no abstract name: the kernel lets only the users send that may write to it, and finds it by its inode, so
 * that it works between network namespaces. "libipc-wake.<16 hex digits>": the first eight are the process's, the
 * others are random. A stranger could take the names of a count before we do. That a process uses a number again, which
 * costs a late signal at most, is as good as impossible.
 *
 * The file is removed when its waker is closed, when the thread that opened it ends, and when the process exits. A
 * process that is killed leaves it; ipc_os_remove_wakers() is for the process that finds out.
 */
#define _GNU_SOURCE
#define _DARWIN_C_SOURCE
#include "wake_socket.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * The wakers of this process. `busy` is held for a few instructions; a signal handler that finds it taken does without.
 * A forked child starts with nothing.
 *
 * The library keeps the descriptor of some of them. Invariant: a descriptor is closed, and its entry freed, only when
 * no thread is in ipc_os_wait_for_signal() with it; else that thread could read from whatever has the number next. A
 * thread that is in there does both itself, once it finds `is_closed`. All fields are read and written with `busy`
 * held, but a thread that has set `is_polled` may read `fd` without it.
 */
typedef struct own_waker {
  struct own_waker *next;
  uint64_t number;
  pthread_t thread;
  int fd;         /* -1: the caller's */
  int lent;       /* the caller's when it was opened, or -1: it may be another's by now */
  bool is_polled; /* a thread waits for a signal */
  bool is_closed; /* it is in no list any more */
} own_waker;

static struct {
  _Atomic uint32_t busy;
  own_waker *first;
  bool is_watching;
  pthread_key_t at_thread_exit;
} own;

static bool own_try_lock(void) { return atomic_exchange_explicit(&own.busy, 1, memory_order_acquire) == 0; }

static void own_lock(void) {
  while (!own_try_lock()) ipc_os_yield();
}

static void own_unlock(void) { atomic_store_explicit(&own.busy, 0, memory_order_release); }

static void own_free(own_waker *it) {
  if (it->fd >= 0) close(it->fd);
  free(it);
}

/*
 * It is in no list any more. A thread that waits for a signal wakes up: the socket receives no more. Where a socket
 * without a peer cannot be shut down (macOS), the thread goes on until its time is over.
 */
static void own_end(own_waker *it) {
  own_lock();
  bool is_polled = it->is_polled;
  it->is_closed = true;
  if (is_polled) shutdown(it->fd, SHUT_RDWR); /* with `busy` held: afterwards that thread may free the entry */
  own_unlock();
  if (!is_polled) own_free(it);
}

typedef bool own_matches(const own_waker *it, const void *what);

static bool own_is_of_thread(const own_waker *it, const void *thread) {
  return pthread_equal(it->thread, *(const pthread_t *)thread);
}

static bool own_has_number(const own_waker *it, const void *number) { return it->number == *(const uint64_t *)number; }

static own_waker *own_take_out(own_matches *matches, const void *what) {
  own_waker *removed = NULL;
  own_lock();
  for (own_waker **link = &own.first; *link;) {
    own_waker *it = *link;
    if (!matches(it, what)) {
      link = &it->next;
      continue;
    }
    *link = it->next;
    it->next = removed;
    removed = it;
  }
  own_unlock();
  return removed;
}

static void own_remove(own_matches *matches, const void *what) {
  for (own_waker *it = own_take_out(matches, what), *next; it; it = next) {
    next = it->next;
    ipc_posix_remove_waker_file(it->number);
    own_end(it);
  }
}

/* The path of a socket stays when its file is removed, and no other socket has the number in it. */
static bool socket_has_number(int fd, uint64_t number) {
  struct sockaddr_un address = {0};
  socklen_t length = sizeof address;
  char name[IPC_POSIX_WAKER_FILE_NAME];
  ipc_posix_waker_name(number, name);
  if (getsockname(fd, (struct sockaddr *)&address, &length) != 0 || address.sun_family != AF_UNIX) return false;
  size_t bytes = strnlen(address.sun_path, sizeof address.sun_path), wanted = strlen(name);
  return bytes > wanted && memcmp(address.sun_path + bytes - wanted, name, wanted) == 0;
}

/*
 * A Worker may be terminated before its runtime has taken the descriptor over. Only this thread could have closed it,
 * and it runs nothing any more: if the descriptor still leads to the waker, nobody closes it.
 */
static void own_thread_exits(void *unused) {
  (void)unused;
  const pthread_t self = pthread_self();
  for (own_waker *it = own_take_out(own_is_of_thread, &self), *next; it; it = next) {
    next = it->next;
    ipc_posix_remove_waker_file(it->number);
    if (it->lent >= 0 && socket_has_number(it->lent, it->number)) close(it->lent);
    own_end(it);
  }
}

bool ipc_os_remove_own_wakers(void) {
  if (!own_try_lock()) return false;
  for (const own_waker *it = own.first; it; it = it->next) ipc_posix_remove_waker_file(it->number);
  own_unlock();
  return true;
}

/* Also when the library is unloaded: no thread may call it afterwards. */
__attribute__((destructor)) static void own_process_exits(void) {
  ipc_os_remove_own_wakers();
  if (own.is_watching) pthread_key_delete(own.at_thread_exit);
}

/* The parent's wakers: their files stay. */
static void own_after_fork_in_child(void) {
  for (own_waker *it = own.first, *next; it; it = next) {
    next = it->next;
    own_free(it);
  }
  own.first = NULL;
  own_unlock();
}

__attribute__((constructor)) static void own_watch_forks(void) {
  pthread_atfork(own_lock, own_unlock, own_after_fork_in_child);
}

static int own_new_number(uint64_t *number) {
  uint32_t low;
  int error = ipc_posix_random(&low);
  *number = ipc_os_self() >> 32 << 32 | low;
  return error;
}

/* Without memory for it, the file stays until another process finds that this one has ended. */
static bool own_add(uint64_t number, int fd, int lent) {
  own_waker *it = malloc(sizeof *it);
  if (!it) return false;
  own_lock();
  if (!own.is_watching) own.is_watching = pthread_key_create(&own.at_thread_exit, own_thread_exits) == 0;
  *it = (own_waker){.next = own.first, .number = number, .thread = pthread_self(), .fd = fd, .lent = lent};
  own.first = it;
  if (own.is_watching) pthread_setspecific(own.at_thread_exit, &own);
  own_unlock();
  return true;
}

/*
 * False: no process can signal this waker, and the polls of its event loop find what happened. The directory cannot be
 * reached, or takes no more files.
 */
static bool socket_bind(int fd, uint64_t *waker) {
  ipc_posix_link link;
  const char *directory = ipc_posix_waker_directory(link);
  for (int attempt = 0; attempt < 100 && own_new_number(waker) == 0; attempt++) {
    struct sockaddr_un address;
    socklen_t length = ipc_posix_waker_address(directory, *waker, &address);
    if (bind(fd, (const struct sockaddr *)&address, length) == 0) return true;
    if (errno != EADDRINUSE) break;
  }
  return false;
}

static int socket_open_waker(uint64_t *waker, bool is_kept) {
  int error = ipc_os_identify(), fd = error == 0 ? ipc_posix_socket(SOCK_DGRAM) : error;
  if (fd < 0) return fd;
  const bool is_protected = ipc_posix_protect_waker(fd);
  ipc_posix_note_wakers();
  const bool is_bound = socket_bind(fd, waker);
  const bool is_listed = (is_bound || is_kept) && own_add(*waker, is_kept ? fd : -1, is_kept ? -1 : fd);
  if (is_bound && !is_protected) ipc_posix_restrict_waker(*waker);
  if (is_listed || !is_kept) return fd;
  if (is_bound) ipc_posix_remove_waker_file(*waker);
  close(fd);
  return -ENOMEM;
}

int ipc_os_open_waker(uint64_t *waker) { return socket_open_waker(waker, false); }

int ipc_os_keep_waker(uint64_t *waker) {
  int fd = socket_open_waker(waker, true);
  return fd < 0 ? fd : 0;
}

/* Not all of them: a process that signals all the time would hold the thread here. The rest is for the next call. */
static bool socket_take_signals(int fd, int milliseconds) {
  enum { MOST = 64, LONGEST_SIGNAL = 16 };
  char signal[LONGEST_SIGNAL];
  if (poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, milliseconds) <= 0) return false;
  for (int i = 0; i < MOST && recv(fd, signal, sizeof signal, MSG_DONTWAIT) > 0; i++) continue;
  return true;
}

int ipc_os_wait_for_signal(uint64_t waker, int milliseconds) {
  own_lock();
  own_waker *it = own.first;
  while (it && it->number != waker) it = it->next;
  const bool may_wait = it && it->fd >= 0 && !it->is_polled;
  if (may_wait) it->is_polled = true;
  own_unlock();
  if (!may_wait) return -EINVAL;
  const bool is_signalled = socket_take_signals(it->fd, milliseconds);
  own_lock();
  it->is_polled = false;
  const bool is_closed = it->is_closed;
  own_unlock();
  if (!is_closed) return is_signalled;
  own_free(it);
  return -EINVAL;
}

int ipc_os_reserve_waker(void) { return ipc_posix_socket(SOCK_STREAM); }

void ipc_os_close_waker(uint64_t waker) {
  own_remove(own_has_number, &waker);
  ipc_posix_disconnect_waker(waker);
}
