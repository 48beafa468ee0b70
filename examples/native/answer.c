/*
 * answer.c - answers each question with the same text in capital letters, until a question is empty.
 *
 *   cc answer.c $(pkg-config --cflags --libs libipc) -o answer
 *   ./answer [prefix] & bun ask.ts [prefix]
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "libipc/libipc.h"

static void end_for_failure(const ipc_failure *failure) {
  char text[2048];
  ipc_failure_text(failure, text, sizeof text);
  fprintf(stderr, "%s\n", text);
  exit(1);
}

static void end_for_status(const char *call, int32_t status) {
  fprintf(stderr, "%s: %s\n", call, ipc_status_text(status));
  exit(1);
}

int main(int argc, char **argv) {
  const char *prefix = argc > 1 ? argv[1] : "";
  if (ipc_abi_version() != IPC_ABI_VERSION) {
    fprintf(stderr, "the library has ABI %u, the headers had %d\n", ipc_abi_version(), IPC_ABI_VERSION);
    return 1;
  }

  ipc_failure failure;
  ipc_options of_questions = ipc_options_default(IPC_QUEUE);
  ipc_receiver *questions = ipc_receiver_open(prefix, "questions", &of_questions, &failure);
  if (!questions) end_for_failure(&failure);
  ipc_options of_answers = ipc_options_default(IPC_CHANNEL);
  ipc_sender *answers = ipc_sender_open(prefix, "answers", &of_answers, &failure);
  if (!answers) end_for_failure(&failure);

  uint32_t capacity = 1024;
  char *text = malloc(capacity);
  int32_t length = 0;
  for (;;) {
    length = text ? ipc_receiver_recv(questions, text, capacity, -1) : IPC_E_NO_SPACE;
    if (length == IPC_E_BUFFER_TOO_SMALL) { /* the message is still the next one */
      length = ipc_receiver_next_length(questions);
      if (length > (int32_t)capacity) {
        free(text);
        capacity = (uint32_t)length;
        text = malloc(capacity);
      }
      continue;
    }
    if (length < 0) end_for_status("recv", length);
    if (length == 0) break;
    for (int32_t i = 0; i < length; i++) text[i] = (char)toupper((unsigned char)text[i]);
    int32_t status = ipc_sender_send(answers, text, (uint32_t)length, 5000);
    if (status == IPC_NO_RECEIVERS)
      fprintf(stderr, "nobody waits for an answer\n");
    else if (status != IPC_OK)
      end_for_status("send", status);
  }
  free(text);
  ipc_sender_close(answers);
  ipc_receiver_close(questions);
  return 0;
}
