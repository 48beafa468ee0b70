#define _POSIX_C_SOURCE 200809L /* strerror_r() */

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "libipc/options.h"
#include "libipc/status.h"

/* A text that is written into the memory of a caller, who may have too little: `length` counts all of it. */
typedef struct text {
  char *to;
  size_t size, length;
} text;

__attribute__((format(printf, 2, 3))) static void text_add(text *it, const char *format, ...) {
  bool has_room = it->length < it->size;
  va_list arguments;
  va_start(arguments, format);
  int added = vsnprintf(has_room ? it->to + it->length : NULL, has_room ? it->size - it->length : 0, format, arguments);
  va_end(arguments);
  if (added > 0) it->length += (size_t)added;
}

static const char *const option_names[] = {[IPC_OPTION_CAPACITY] = "capacity",
                                           [IPC_OPTION_MAX_RECEIVERS] = "max_receivers",
                                           [IPC_OPTION_PERMISSIONS] = "permissions",
                                           [IPC_OPTION_OVERFLOW] = "overflow",
                                           [IPC_OPTION_INITIAL] = "initial",
                                           [IPC_OPTION_ROBUST] = "robust",
                                           [IPC_OPTION_SIZE] = "size",
                                           [IPC_OPTION_STRUCT_SIZE] = "struct_size",
                                           [IPC_OPTION_CODEC] = "codec",
                                           [IPC_OPTION_MAX_ATTEMPTS] = "max_attempts",
                                           [IPC_OPTION_DEAD_LETTER] = "dead_letter",

                                           [IPC_OPTION_LOSSY] = "lossy",
                                           [IPC_OPTION_STAMP] = "stamp"};

/* NULL: the failure is about no option. */
static const char *option_name(int32_t option) {
  bool is_one = option > 0 && (size_t)option < sizeof option_names / sizeof option_names[0];
  return is_one ? option_names[option] : NULL;
}

static void add_option(text *it, const ipc_failure *failure, const char *relation) {
  const char *name = option_name(failure->option);
  if (name && failure->option == IPC_OPTION_PERMISSIONS)
    text_add(it, ": %s is 0%" PRIo64 "%s0%" PRIo64, name, failure->found, relation, failure->wanted);
  else if (name && failure->option == IPC_OPTION_DEAD_LETTER)
    text_add(it, ": %s is \"%.*s\"", name, IPC_MAX_NAME, failure->dead_letter);
  else if (name)
    text_add(it, ": %s is %" PRIu64 "%s%" PRIu64, name, failure->found, relation, failure->wanted);
}

static void add_invalid(text *it, const ipc_failure *failure) {
  if (failure->cause == IPC_CAUSE_DIRECTORY)
    text_add(it, ": this process uses the directory %.*s already", IPC_PATH_BYTES, failure->path);
  else if (failure->option == IPC_OPTION_STRUCT_SIZE && failure->found == failure->wanted)
    text_add(it, ": a field of the options that this library does not know is not 0");
  else if (failure->option == IPC_OPTION_STRUCT_SIZE)
    text_add(it,
             ": struct_size is %" PRIu64
             ", or a field that this library does not know is not 0; its options have %" PRIu64
             " bytes. Begin with ipc_options_default()",
             failure->found, failure->wanted);
  else if (failure->option == IPC_OPTION_CODEC)
    text_add(it, ": codec is up to 63 bytes of printable ASCII and a zero byte, of a route, a channel or a queue");
  else if (failure->option == IPC_OPTION_LOSSY)
    text_add(it, ": lossy is 0 or 1, and only receivers of a route or a channel can be lossy");
  else if (failure->option == IPC_OPTION_STAMP)
    text_add(it, ": stamp is 0, 1 or 2, of a route, a channel or a queue");
  else if (option_name(failure->option) && failure->wanted > 0)
    add_option(it, failure, ", and may be at most ");
  else if (option_name(failure->option))
    text_add(it, ": %s is %" PRIu64, option_name(failure->option), failure->found);
  else
    text_add(it, ": it is %" PRIu64, failure->found);
}

/* What the system refused; found and wanted are 0 where they are not known. */
static void add_cause(text *it, const ipc_failure *failure) {
  uint64_t found = failure->found, wanted = failure->wanted;
  switch (failure->cause) {
    case IPC_CAUSE_DIRECTORY:
      text_add(it, ": the directory of the names cannot be used");
      if (wanted > 0) text_add(it, ", its path has %" PRIu64 " bytes and may have %" PRIu64, found, wanted);
      break;
    case IPC_CAUSE_IDENTITY: text_add(it, ": the file that identifies this process could not be made"); break;
    case IPC_CAUSE_FILE: text_add(it, ": the file of the name could not be used"); break;
    case IPC_CAUSE_RESERVE:
      text_add(it, ": %" PRIu64 " bytes could not be reserved, %" PRIu64 " are free", wanted, found);
      break;
    case IPC_CAUSE_FILE_SIZE:
      text_add(it, ": a file of %" PRIu64 " bytes is needed, and this process may make one of %" PRIu64 " (ulimit -f)",
               wanted, found);
      break;
    case IPC_CAUSE_MEMORY_LIMIT:
      text_add(it, ": %" PRIu64 " bytes are needed, and the control group has %" PRIu64 " left", wanted, found);
      break;
    case IPC_CAUSE_MAP: text_add(it, ": the file could not be mapped"); break;
    case IPC_CAUSE_HEAP: text_add(it, ": malloc() failed"); break;
    default: break;
  }
  if (failure->cause && failure->path[0]) text_add(it, ", %.*s", IPC_PATH_BYTES, failure->path);
}

static void add_details(text *it, const ipc_failure *failure) {
  uint64_t found = failure->found, wanted = failure->wanted;
  switch (failure->code) {
    case IPC_E_INVALID_ARGUMENT: add_invalid(it, failure); return;
    case IPC_E_OPTIONS_MISMATCH:
      if (failure->option == IPC_OPTION_CODEC) {
        text_add(it, ": its messages are \"%.*s\", as process %" PRId32 " said when it opened the name",
                 IPC_CODEC_BYTES, failure->codec, failure->pid);
        return;
      }
      if (failure->option == IPC_OPTION_STAMP) {
        text_add(it, ": its messages have %s. Use the same value, or IPC_STAMP_ANY and ipc_sender_stamp()",
                 found ? "stamps" : "no stamps");
        return;
      }
      add_option(it, failure, ", and was opened here with ");
      text_add(it, ". Use the same value, or 0 for any value");
      return;
    case IPC_E_HAS_SENDER:
      text_add(it, ": of process %" PRId32 "%s", failure->pid, found == 0 ? "" : ", which is this one");
      return;
    case IPC_E_TOO_MANY_RECEIVERS:
    case IPC_E_TOO_MANY_SENDERS:
    case IPC_E_TOO_MANY_HANDLES: text_add(it, ": %" PRIu64, wanted); return;
    case IPC_E_VERSION:
      text_add(it, ": its layout is %" PRIu64 ", and this library has %" PRIu64, found, wanted);
      return;
    case IPC_E_FOREIGN:
      if (wanted == 1) text_add(it, ": its file has %" PRIu64 " names (hard links)", found);
      return;
    case IPC_E_CORRUPT:
      if (found < wanted) text_add(it, ": %" PRIu64 " bytes instead of %" PRIu64, found, wanted);
      return;
    case IPC_E_PERMISSION:
      if (failure->option == IPC_OPTION_PERMISSIONS)
        text_add(it,
                 ": its file belongs to user %" PRIu64 " and has the permissions 0%" PRIo64
                 ". All users that share a name open it with the same permissions",
                 found, wanted);
      return;
    default: return;
  }
}

uint32_t ipc_failure_text(const ipc_failure *failure, char *to, uint32_t size) {
  text it = {to, size, 0};
  if (size > 0) to[0] = 0;
  if (failure->dead_letter[0] && failure->option != IPC_OPTION_DEAD_LETTER)
    text_add(&it, "the dead-letter queue \"%.*s\": ", IPC_MAX_NAME, failure->dead_letter);
  text_add(&it, "%s", ipc_status_text(failure->code));
  add_details(&it, failure);
  if (failure->code != IPC_E_INVALID_ARGUMENT) add_cause(&it, failure);
  char system[128];
  if (failure->system_error > 0 && strerror_r(failure->system_error, system, sizeof system) == 0)
    text_add(&it, " (%s)", system);
  return (uint32_t)it.length;
}
