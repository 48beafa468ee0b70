/*
 * wake_socket.c - wakers: datagram sockets with a file in the storage directory, and the signals that are sent to them.
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

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

enum { WAKER_DIGITS = 16, PREFIX_DIGITS = 8 };
#define NAME "libipc-wake."
enum { NAME_BYTES = sizeof NAME - 1, FILE_NAME_BYTES = NAME_BYTES + WAKER_DIGITS + 1 };
_Static_assert(FILE_NAME_BYTES == IPC_POSIX_WAKER_NAME_BYTES + 1, "a directory that fits has room for the name");

static void socket_name(uint64_t waker, char name[FILE_NAME_BYTES]) {
  memcpy(name, NAME, NAME_BYTES);
  ipc_posix_write_hex(name + NAME_BYTES, waker, WAKER_DIGITS);
  name[FILE_NAME_BYTES - 1] = 0;
}

static socklen_t socket_address(const char *directory, uint64_t waker, struct sockaddr_un *address) {
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
#ifdef __APPLE__
  address->sun_len = sizeof *address;
#endif
  size_t length = strlen(directory);
  memcpy(address->sun_path, directory, length);
  address->sun_path[length++] = '/';
  socket_name(waker, address->sun_path + length);
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + FILE_NAME_BYTES);
}

/*
 * A socket can only be named by a path. Where the storage directory has too long a path, or is no longer at its path,
 * after a chroot or when something else was mounted there: a path that leads through the descriptor. It needs /proc.
 */
static const char *socket_directory_link(ipc_posix_link link) {
  ipc_posix_directory_link(ipc_posix_directory(), link);
  return link;
}

static bool socket_is_directory_at_its_path(void) {
  struct stat opened, there;
  return fstat(ipc_posix_directory(), &opened) == 0 && stat(ipc_os_directory(), &there) == 0 &&
         opened.st_dev == there.st_dev && opened.st_ino == there.st_ino;
}

static const char *socket_directory(ipc_posix_link link) {
  const char *directory = ipc_os_directory();
  return ipc_posix_fits_socket(directory) && socket_is_directory_at_its_path() ? directory
                                                                               : socket_directory_link(link);
}

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

static void socket_remove(uint64_t waker) {
  char name[FILE_NAME_BYTES];
  socket_name(waker, name);
  unlinkat(ipc_posix_directory(), name, 0);
}

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
    socket_remove(it->number);
    own_end(it);
  }
}

/* The path of a socket stays when its file is removed, and no other socket has the number in it. */
static bool socket_has_number(int fd, uint64_t number) {
  struct sockaddr_un address = {0};
  socklen_t length = sizeof address;
  char name[FILE_NAME_BYTES];
  socket_name(number, name);
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
    socket_remove(it->number);
    if (it->lent >= 0 && socket_has_number(it->lent, it->number)) close(it->lent);
    own_end(it);
  }
}

bool ipc_os_remove_own_wakers(void) {
  if (!own_try_lock()) return false;
  for (const own_waker *it = own.first; it; it = it->next) socket_remove(it->number);
  own_unlock();
  return true;
}

/* Also when the library is unloaded: no thread may call it afterwards. */
__attribute__((destructor)) static void own_process_exits(void) {
  ipc_os_remove_own_wakers();
  if (own.is_watching) pthread_key_delete(own.at_thread_exit);
}

/*
 * Connected sockets: a signal by path looks the path up, which costs half as much again. An entry that another thread
 * uses at this moment is passed over. `busy` is held while the socket is used, connected or closed: no thread sends to
 * a socket that became another one meanwhile.
 */
enum { CONNECTIONS = 16, SIGNALS_BEFORE_CONNECTION = 16 };

typedef struct connection {
  _Atomic uint64_t waker; /* 0: none */
  _Atomic uint32_t busy;
  int socket; /* fd + 1 */
} connection;

static connection connections[CONNECTIONS];
static _Atomic uint32_t unconnected; /* signals by path so far */

/* A child's sockets are the parent's too: connecting them would redirect the parent's signals. */
static void socket_after_fork_in_child(void) {
  for (own_waker *it = own.first, *next; it; it = next) { /* the parent's: their files stay */
    next = it->next;
    own_free(it);
  }
  own.first = NULL;
  own_unlock();
  for (int i = 0; i < CONNECTIONS; i++) {
    if (connections[i].socket) close(connections[i].socket - 1);
    connections[i].socket = 0;
    atomic_store_explicit(&connections[i].waker, 0, memory_order_relaxed);
    atomic_store_explicit(&connections[i].busy, 0, memory_order_relaxed);
  }
}

__attribute__((constructor)) static void socket_watch_forks(void) {
  pthread_atfork(own_lock, own_unlock, socket_after_fork_in_child);
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
  const char *directory = socket_directory(link);
  for (int attempt = 0; attempt < 100 && own_new_number(waker) == 0; attempt++) {
    struct sockaddr_un address;
    socklen_t length = socket_address(directory, *waker, &address);
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
  if (is_bound) socket_remove(*waker);
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

enum { OWNER = 0600, GROUP = 0060, OTHERS = 0006, GROUP_WRITES = 0020, OTHERS_WRITE = 0002 };

/*
 * A reference to the file of a waker, or -errno. Nothing but a socket that this user has made: the name may lead to
 * anything after the waker was removed.
 */
static int socket_refer(const char *name, struct stat *found) {
  int file = ipc_posix_refer(name, found);
  if (file < 0 || (S_ISSOCK(found->st_mode) && found->st_nlink == 1 && found->st_uid == geteuid())) return file;
  close(file);
  return -ENOENT;
}

void ipc_posix_restrict_waker(uint64_t waker) {
  char name[FILE_NAME_BYTES];
  struct stat s;
  socket_name(waker, name);
  int file = socket_refer(name, &s);
  if (file < 0) return;
  ipc_posix_set_file_mode(file, name, OWNER);
  close(file);
}

/*
 * Invariant: a user who may not write to any of the segments that a waker serves may not send to it. So the permissions
 * only grow, by what a segment gives. A segment of another user is writable for a group or for all, or libipc does not
 * open it: so the owner needs no right of its own. A file has one group. Of a second group's segment the signals are
 * refused, and the event loop finds its messages at the next poll.
 */
void ipc_os_admit_to_waker(uint64_t waker, const ipc_os_access *segment) {
  char name[FILE_NAME_BYTES];
  struct stat s;
  socket_name(waker, name);
  int file = socket_refer(name, &s);
  if (file < 0) return;
  const mode_t has = s.st_mode & 0777;
  mode_t wanted = has | OWNER; /* the umask may have taken even that */
  if (segment->permissions & OTHERS_WRITE) {
    wanted |= GROUP | OTHERS; /* with OTHERS alone, the file's own group would be kept out */
  } else if (segment->permissions & GROUP_WRITES) {
    bool may_change = !(has & GROUP), is_its = s.st_gid == segment->group;
    if (is_its || (may_change && ipc_posix_set_file_group(file, name, segment->group) == 0)) wanted |= GROUP;
  }
  if (wanted != has) ipc_posix_set_file_mode(file, name, wanted);
  close(file);
}

/* What another user has put under such a name, or what is no socket, is not the dead process's, and may stay. */
static bool socket_remove_of(int directory, const char *name, uint32_t owner) {
  struct stat s;
  if (fstatat(directory, name, &s, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISSOCK(s.st_mode)) return true;
  return unlinkat(directory, name, 0) == 0 || errno == ENOENT || (uint32_t)s.st_uid != owner;
}

bool ipc_os_remove_wakers(uint32_t prefix, uint32_t owner) {
  char start[NAME_BYTES + PREFIX_DIGITS];
  memcpy(start, NAME, NAME_BYTES);
  ipc_posix_write_hex(start + NAME_BYTES, prefix, PREFIX_DIGITS);
  int fd = openat(ipc_posix_directory(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *directory = fd < 0 ? NULL : fdopendir(fd);
  if (!directory) {
    if (fd >= 0) close(fd);
    return false;
  }
  bool is_done = true;
  for (const struct dirent *entry; (entry = readdir(directory));)
    if (strncmp(entry->d_name, start, sizeof start) == 0 && strlen(entry->d_name) == FILE_NAME_BYTES - 1)
      is_done &= socket_remove_of(fd, entry->d_name, owner);
  closedir(directory);
  return is_done;
}

static ssize_t socket_send(int fd, const struct sockaddr_un *address, socklen_t length) {
  return sendto(fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)address, length);
}

enum signal_result { NOT_CONNECTED, SIGNALLED, NO_ROOM };

static enum signal_result socket_signal_connected(uint64_t waker) {
  for (int i = 0; i < CONNECTIONS; i++) {
    connection *it = &connections[i];
    if (atomic_load_explicit(&it->waker, memory_order_relaxed) != waker) continue;
    /* acquire pairs with the release of the last user: the socket is connected to what `waker` says */
    if (atomic_exchange_explicit(&it->busy, 1, memory_order_acquire)) return NOT_CONNECTED;
    enum signal_result result = NOT_CONNECTED;
    if (atomic_load_explicit(&it->waker, memory_order_relaxed) == waker) {
      result = SIGNALLED; /* or it is gone: its number is not used again */
      if (send(it->socket - 1, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        if (errno == EAGAIN || errno == ENOBUFS)
          result = NO_ROOM;
        else
          atomic_store_explicit(&it->waker, 0, memory_order_relaxed);
      }
    }
    atomic_store_explicit(&it->busy, 0, memory_order_release);
    return result;
  }
  return NOT_CONNECTED;
}

/*
 * Each sixteenth signal by path connects: a waker that is signalled often is connected soon, and the others cost little
 * more. A free entry, else the one whose turn it is.
 */
static void socket_connect(uint64_t waker, const struct sockaddr_un *address, socklen_t length) {
  uint32_t count = atomic_fetch_add_explicit(&unconnected, 1, memory_order_relaxed) + 1;
  if (count % SIGNALS_BEFORE_CONNECTION != 0) return;
  connection *it = &connections[count / SIGNALS_BEFORE_CONNECTION % CONNECTIONS];
  for (int i = 0; i < CONNECTIONS; i++)
    if (atomic_load_explicit(&connections[i].waker, memory_order_relaxed) == 0) it = &connections[i];
  if (atomic_exchange_explicit(&it->busy, 1, memory_order_acquire)) return;
  if (it->socket == 0) {
    int fd = ipc_posix_socket(SOCK_DGRAM);
    if (fd >= 0) it->socket = fd + 1;
  }
  if (it->socket) {
    bool is_connected = connect(it->socket - 1, (const struct sockaddr *)address, length) == 0;
    atomic_store_explicit(&it->waker, is_connected ? waker : 0, memory_order_relaxed);
  }
  atomic_store_explicit(&it->busy, 0, memory_order_release);
}

/* For a waker of this process: a process that opens and closes wakers must not collect descriptors. */
static void socket_disconnect(uint64_t waker) {
  for (int i = 0; i < CONNECTIONS; i++) {
    connection *it = &connections[i];
    if (atomic_load_explicit(&it->waker, memory_order_relaxed) != waker) continue;
    while (atomic_exchange_explicit(&it->busy, 1, memory_order_acquire)) ipc_os_yield();
    if (atomic_load_explicit(&it->waker, memory_order_relaxed) == waker) {
      close(it->socket - 1);
      it->socket = 0;
      atomic_store_explicit(&it->waker, 0, memory_order_relaxed);
    }
    atomic_store_explicit(&it->busy, 0, memory_order_release);
  }
}

void ipc_os_close_waker(uint64_t waker) {
  own_remove(own_has_number, &waker);
  socket_disconnect(waker);
}

static void socket_send_once(const struct sockaddr_un *address, socklen_t length) {
  int fd = ipc_posix_socket(SOCK_DGRAM);
  if (fd < 0) return;
  socket_send(fd, address, length);
  close(fd); /* what it has sent still arrives */
}

void ipc_os_signal(uint64_t waker) {
  enum signal_result result = socket_signal_connected(waker);
  if (result == SIGNALLED) return;
  static _Atomic int shared; /* one socket for the signals by path of this process, made by the first: fd + 1 */
  struct sockaddr_un address;
  ipc_posix_link link;
  const char *directory = ipc_os_directory();
  bool fits = ipc_posix_fits_socket(directory);
  socklen_t length = socket_address(fits ? directory : socket_directory_link(link), waker, &address);
  int fd = atomic_load_explicit(&shared, memory_order_acquire) - 1;
  if (fd < 0) {
    fd = ipc_posix_socket(SOCK_DGRAM);
    if (fd < 0) return;
    int none = 0;
    if (!atomic_compare_exchange_strong_explicit(&shared, &none, fd + 1, memory_order_acq_rel, memory_order_acquire)) {
      close(fd);
      fd = none - 1;
    }
  }
  if (result == NOT_CONNECTED) {
    ssize_t sent = socket_send(fd, &address, length);
    if (sent < 0 && errno == ENOENT && fits && !socket_is_directory_at_its_path()) {
      length = socket_address(socket_directory_link(link), waker, &address);
      sent = socket_send(fd, &address, length);
    }
    if (sent >= 0) socket_connect(waker, &address, length);
    if (sent >= 0 || (errno != EAGAIN && errno != ENOBUFS)) return;
  }
  /*
   * The waker has signals to read, or other wakers have so many of ours unread that our socket has no room for one
   * more: then this one goes through another socket.
   */
  socket_send_once(&address, length);
}

/* Not through the waker's own socket: whether a socket may send to itself is not documented for every system. */
void ipc_os_test_waker(uint64_t waker) {
  struct sockaddr_un address;
  ipc_posix_link link;
  socklen_t length = socket_address(socket_directory(link), waker, &address);
  socket_send_once(&address, length);
}
