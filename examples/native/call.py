"""call.py - a client of a service, with ctypes and json. docs/services.md describes the frames.

    bun serve.ts [prefix] & LIBIPC_LIBRARY=/usr/local/lib/libipc.so.9 python3 call.py [prefix]

It needs answer.py beside it, for the classes of the endpoints.
"""

import json
import os
import secrets
import struct
import sys

from answer import CHANNEL, QUEUE, Receiver, Sender, ipc

CODEC = b"service:json"
CALL, STARTED, ANSWER, ERROR, FAILURE, ITEM, END, CANCEL, CREDIT = range(1, 10)
NOTHING = 1  # a flag of answers and items: the value is undefined
HEADER = struct.Struct("<BBHIQ")  # version, type, flags, number of the call, id of the client or of the server
REQUEST = struct.Struct("<QIIIIHHI")  # deadline, pid, uid, credit, length of large arguments, length of the method
AHEAD = 32  # so many items a server sends before the first of them was read


class ServiceError(Exception):
    """What the handler has thrown, or, with a code such as ERR_IPC_NO_METHOD, what libipc says."""

    def __init__(self, error):
        super().__init__(error["message"])
        self.name = error.get("name", "IpcError")
        self.code = error.get("code")


class Client:
    """One call at a time. It belongs to the thread that makes it, as its endpoints do."""

    def __init__(self, prefix, service):
        self.prefix, self.service = prefix, service
        self.id = 1 + secrets.randbelow(2**53 - 1)
        self.calls = 0
        # Opened before the first request: servers open this name to answer.
        ring = f"{service}.client.{self.id:014x}"
        self.ring = Receiver(prefix, ring, CHANNEL, codec=CODEC, capacity=1 << 18, max_receivers=1)
        self.requests = Sender(prefix, service, QUEUE, codec=CODEC)

    def call(self, method, *arguments, timeout=10):
        """The result of a method."""
        for _, type_, _, value in self._exchange(method, arguments, timeout):
            if type_ == ANSWER:
                return value
        raise TypeError(f"{method} is a stream")

    def stream(self, method, *arguments, timeout=10):
        """What a method yields. The timeout is that of the whole stream."""
        inbox, taken, is_over = None, 0, False
        try:
            for call, type_, server, value in self._exchange(method, arguments, timeout):
                if type_ == STARTED:
                    inbox = Sender(self.prefix, f"{self.service}.server.{server:014x}", CHANNEL, codec=CODEC)
                elif type_ == ITEM:
                    yield value
                    taken += 1
                    if taken % (AHEAD // 2) == 0:  # The server may send as many again.
                        inbox.send(self._header(CREDIT, call) + struct.pack("<II", AHEAD // 2, 0), 5000)
                else:
                    is_over = True
        finally:
            if inbox:
                if not is_over:  # The caller has left the loop: the server ends its generator.
                    inbox.send(self._header(CANCEL, self.calls), 5000)
                inbox.close()

    def close(self):
        self.requests.close()
        self.ring.close()

    def _header(self, type_, call):
        return HEADER.pack(1, type_, 0, call, self.id)

    def _exchange(self, method, arguments, timeout):
        """Sends a request. Yields the frames about it: the call, the type, the id of the server, the value."""
        self.calls += 1
        deadline = int(ipc.ipc_now_ns() + timeout * 1e9)
        name = method.encode()
        request = REQUEST.pack(deadline, os.getpid(), os.getuid(), AHEAD, 0, len(name), 0, 0)
        text = json.dumps(arguments, ensure_ascii=False).encode()
        self.requests.send(self._header(CALL, self.calls) + request + name + text, int(timeout * 1000))
        while True:
            left = (deadline - int(ipc.ipc_now_ns())) // 1_000_000
            frame = self.ring.recv(max(0, min(left, 1000)))  # Python handles Ctrl-C between two calls only.
            if frame is None:
                if left <= 0:
                    raise TimeoutError(f"{method} was not answered within {timeout} s")
                continue
            version, type_, flags, call, server = HEADER.unpack_from(frame)
            if version != 1 or call != self.calls:
                continue  # The answer of a call that was given up.
            has_value = type_ in (ANSWER, ERROR, FAILURE, ITEM) and not flags & NOTHING
            value = json.loads(frame[HEADER.size :]) if has_value else None
            if type_ == FAILURE:
                raise ServiceError(value)
            if type_ == ERROR:
                raise ServiceError(value.get("error") or {"message": str(value.get("value"))})
            yield call, type_, server, value
            if type_ in (ANSWER, END):
                return


def main(prefix):
    client = Client(prefix, "prices")
    print(client.call("quote", "BUN"))
    for day in client.stream("history", "BUN"):
        print(day)
    try:
        client.call("quote", "COBOL")
    except ServiceError as error:
        print(f"{error.name}: {error}, {error.code}")
    client.close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
