"""answer.py - answer.c in Python, with ctypes.

    LIBIPC_LIBRARY=/usr/local/lib/libipc.so.9 python3 answer.py [prefix] & bun ask.ts [prefix]
"""

import ctypes
import os
import sys
from ctypes import POINTER, Structure, byref, c_char, c_char_p, c_double, c_int32, c_uint32, c_uint64, c_void_p, sizeof

ABI_VERSION = 9
ROUTE, CHANNEL, QUEUE = 1, 2, 3
TIMED_OUT, NO_RECEIVERS, E_BUFFER_TOO_SMALL = -1, -2, -13


class Options(Structure):
    """ipc_options in libipc/options.h: the same fields in the same order. The last ones may be left out."""

    _fields_ = [
        (name, c_uint32)
        for name in (
            "struct_size",
            "kind",
            "capacity",
            "max_receivers",
            "permissions",
            "overflow",
            "from_oldest",
            "first_position",
            "mode",
            "initial",
            "robust",
            "lossy",
        )
    ] + [("size", c_uint64), ("codec", c_char * 64)]


class Failure(Structure):
    """ipc_failure in libipc/status.h."""

    _fields_ = [
        ("code", c_int32),
        ("system_error", c_int32),
        ("option", c_int32),
        ("pid", c_int32),
        ("found", c_uint64),
        ("wanted", c_uint64),
        ("cause", c_uint32),
        ("reserved", c_uint32),
        ("codec", c_char * 64),
        ("dead_letter", c_char * 136),
        ("path", c_char * 1296),
    ]


def load(path):
    library = ctypes.CDLL(path)
    functions = {
        "ipc_abi_version": (c_uint32,),
        "ipc_now_ns": (c_double,),
        "ipc_status_text": (c_char_p, c_int32),
        "ipc_failure_text": (c_uint32, POINTER(Failure), c_char_p, c_uint32),
        "ipc_receiver_open": (c_void_p, c_char_p, c_char_p, POINTER(Options), POINTER(Failure)),
        "ipc_receiver_recv": (c_int32, c_void_p, c_void_p, c_uint32, c_int32),
        "ipc_receiver_next_length": (c_int32, c_void_p),
        "ipc_receiver_close": (None, c_void_p),
        "ipc_sender_open": (c_void_p, c_char_p, c_char_p, POINTER(Options), POINTER(Failure)),
        "ipc_sender_send": (c_int32, c_void_p, c_char_p, c_uint32, c_int32),
        "ipc_sender_close": (None, c_void_p),
    }
    # Without them ctypes takes every pointer for an int of 32 bits.
    for name, (result, *arguments) in functions.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    if library.ipc_abi_version() != ABI_VERSION:
        raise RuntimeError(f"{path} has ABI {library.ipc_abi_version()}, and this program needs {ABI_VERSION}")
    return library


ipc = load(os.environ.get("LIBIPC_LIBRARY", f"libipc.so.{ABI_VERSION}"))


def checked(status):
    if status <= -10:
        raise RuntimeError(ipc.ipc_status_text(status).decode())
    return status


def opened(function, prefix, name, kind, **others):
    options = Options(struct_size=sizeof(Options), kind=kind, **others)
    failure = Failure()
    address = function(prefix.encode(), name.encode(), byref(options), byref(failure))
    if not address:
        text = ctypes.create_string_buffer(2048)
        ipc.ipc_failure_text(byref(failure), text, len(text))
        raise RuntimeError(text.value.decode())
    return address


class Receiver:
    """Belongs to the thread that makes it: other threads must not call its methods."""

    def __init__(self, prefix, name, kind, **options):
        self.address = opened(ipc.ipc_receiver_open, prefix, name, kind, **options)
        self.buffer = ctypes.create_string_buffer(1024)

    def recv(self, timeout_ms):
        """The next message, or None when the time is over."""
        while True:
            length = ipc.ipc_receiver_recv(self.address, self.buffer, len(self.buffer), timeout_ms)
            if length == E_BUFFER_TOO_SMALL:  # the message is still the next one
                wanted = ipc.ipc_receiver_next_length(self.address)
                if wanted > len(self.buffer):
                    self.buffer = ctypes.create_string_buffer(wanted)
                continue
            return None if checked(length) == TIMED_OUT else self.buffer.raw[:length]

    def close(self):
        ipc.ipc_receiver_close(self.address)


class Sender:
    """Belongs to the thread that makes it, too."""

    def __init__(self, prefix, name, kind, **options):
        self.address = opened(ipc.ipc_sender_open, prefix, name, kind, **options)

    def send(self, message, timeout_ms):
        return checked(ipc.ipc_sender_send(self.address, message, len(message), timeout_ms))

    def close(self):
        ipc.ipc_sender_close(self.address)


def main(prefix):
    questions = Receiver(prefix, "questions", QUEUE)
    answers = Sender(prefix, "answers", CHANNEL)
    # Not without limit: Python runs the handler of Ctrl-C between two calls only.
    while (question := questions.recv(1000)) != b"":
        if question is None:
            continue
        if answers.send(question.upper(), 5000) == NO_RECEIVERS:
            print("nobody waits for an answer", file=sys.stderr)
    answers.close()
    questions.close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
