/*
 * waker_signal.c - the signals that this process sends to wakers, its own and those of others.
 */
#define _GNU_SOURCE
#define _DARWIN_C_SOURCE
#include "wake_socket.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

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
static void signal_after_fork_in_child(void) {
  for (int i = 0; i < CONNECTIONS; i++) {
    if (connections[i].socket) close(connections[i].socket - 1);
    connections[i].socket = 0;
    atomic_store_explicit(&connections[i].waker, 0, memory_order_relaxed);
    atomic_store_explicit(&connections[i].busy, 0, memory_order_relaxed);
  }
}

__attribute__((constructor)) static void signal_watch_forks(void) {
  pthread_atfork(NULL, NULL, signal_after_fork_in_child);
}

static ssize_t signal_send(int fd, const struct sockaddr_un *address, socklen_t length) {
  return sendto(fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)address, length);
}

enum signal_result { NOT_CONNECTED, SIGNALLED, NO_ROOM };

static enum signal_result signal_connected(uint64_t waker) {
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
static void signal_connect(uint64_t waker, const struct sockaddr_un *address, socklen_t length) {
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

void ipc_posix_disconnect_waker(uint64_t waker) {
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

static void signal_send_once(const struct sockaddr_un *address, socklen_t length) {
  int fd = ipc_posix_socket(SOCK_DGRAM);
  if (fd < 0) return;
  signal_send(fd, address, length);
  close(fd); /* what it has sent still arrives */
}

void ipc_os_signal(uint64_t waker) {
  enum signal_result result = signal_connected(waker);
  if (result == SIGNALLED) return;
  static _Atomic int shared; /* one socket for the signals by path of this process, made by the first: fd + 1 */
  struct sockaddr_un address;
  ipc_posix_link link;
  const char *directory = ipc_os_directory();
  bool fits = ipc_posix_fits_socket(directory);
  socklen_t length = ipc_posix_waker_address(fits ? directory : ipc_posix_waker_directory_link(link), waker, &address);
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
    ssize_t sent = signal_send(fd, &address, length);
    if (sent < 0 && errno == ENOENT && fits && !ipc_posix_is_directory_at_its_path()) {
      length = ipc_posix_waker_address(ipc_posix_waker_directory_link(link), waker, &address);
      sent = signal_send(fd, &address, length);
    }
    if (sent >= 0) signal_connect(waker, &address, length);
    if (sent >= 0 || (errno != EAGAIN && errno != ENOBUFS)) return;
  }
  /*
   * The waker has signals to read, or other wakers have so many of ours unread that our socket has no room for one
   * more: then this one goes through another socket.
   */
  signal_send_once(&address, length);
}

/* Not through the waker's own socket: whether a socket may send to itself is not documented for every system. */
void ipc_os_test_waker(uint64_t waker) {
  struct sockaddr_un address;
  ipc_posix_link link;
  socklen_t length = ipc_posix_waker_address(ipc_posix_waker_directory(link), waker, &address);
  signal_send_once(&address, length);
}
