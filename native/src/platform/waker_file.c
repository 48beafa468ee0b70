/*
 * waker_file.c - the files of wakers in the storage directory: their names, who may signal them, and their removal.
 */
#define _GNU_SOURCE
#define _DARWIN_C_SOURCE
#include "wake_socket.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { WAKER_DIGITS = 16, PREFIX_DIGITS = 8 };
#define NAME "libipc-wake."
enum { NAME_BYTES = sizeof NAME - 1 };
_Static_assert(IPC_POSIX_WAKER_NAME_BYTES == NAME_BYTES + WAKER_DIGITS, "a directory that fits has room for the name");

void ipc_posix_waker_name(uint64_t waker, char name[IPC_POSIX_WAKER_FILE_NAME]) {
  memcpy(name, NAME, NAME_BYTES);
  ipc_posix_write_hex(name + NAME_BYTES, waker, WAKER_DIGITS);
  name[IPC_POSIX_WAKER_FILE_NAME - 1] = 0;
}

socklen_t ipc_posix_waker_address(const char *directory, uint64_t waker, struct sockaddr_un *address) {
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
#ifdef __APPLE__
  address->sun_len = sizeof *address;
#endif
  size_t length = strlen(directory);
  memcpy(address->sun_path, directory, length);
  address->sun_path[length++] = '/';
  ipc_posix_waker_name(waker, address->sun_path + length);
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + IPC_POSIX_WAKER_FILE_NAME);
}

/*
 * A socket can only be named by a path. Where the storage directory has too long a path, or is no longer at its path,
 * after a chroot or when something else was mounted there: a path that leads through the descriptor. It needs /proc.
 */
const char *ipc_posix_waker_directory_link(ipc_posix_link link) {
  ipc_posix_directory_link(ipc_posix_directory(), link);
  return link;
}

bool ipc_posix_is_directory_at_its_path(void) {
  struct stat opened, there;
  return fstat(ipc_posix_directory(), &opened) == 0 && stat(ipc_os_directory(), &there) == 0 &&
         opened.st_dev == there.st_dev && opened.st_ino == there.st_ino;
}

const char *ipc_posix_waker_directory(ipc_posix_link link) {
  const char *directory = ipc_os_directory();
  return ipc_posix_fits_socket(directory) && ipc_posix_is_directory_at_its_path()
             ? directory
             : ipc_posix_waker_directory_link(link);
}

void ipc_posix_remove_waker_file(uint64_t waker) {
  char name[IPC_POSIX_WAKER_FILE_NAME];
  ipc_posix_waker_name(waker, name);
  unlinkat(ipc_posix_directory(), name, 0);
}

enum { OWNER = 0600, GROUP = 0060, OTHERS = 0006, GROUP_WRITES = 0020, OTHERS_WRITE = 0002 };

/*
 * A reference to the file of a waker, or -errno. Nothing but a socket that this user has made: the name may lead to
 * anything after the waker was removed.
 */
static int waker_refer(const char *name, struct stat *found) {
  int file = ipc_posix_refer(name, found);
  if (file < 0 || (S_ISSOCK(found->st_mode) && found->st_nlink == 1 && found->st_uid == geteuid())) return file;
  close(file);
  return -ENOENT;
}

void ipc_posix_restrict_waker(uint64_t waker) {
  char name[IPC_POSIX_WAKER_FILE_NAME];
  struct stat s;
  ipc_posix_waker_name(waker, name);
  int file = waker_refer(name, &s);
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
  char name[IPC_POSIX_WAKER_FILE_NAME];
  struct stat s;
  ipc_posix_waker_name(waker, name);
  int file = waker_refer(name, &s);
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
static bool waker_remove_of(int directory, const char *name, uint32_t owner) {
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
    if (strncmp(entry->d_name, start, sizeof start) == 0 && strlen(entry->d_name) == IPC_POSIX_WAKER_FILE_NAME - 1)
      is_done &= waker_remove_of(fd, entry->d_name, owner);
  closedir(directory);
  return is_done;
}
