"""A stand-in for a mail server: takes every mail and keeps it."""

import contextlib
import socketserver
import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage


class FakeSmtp(socketserver.ThreadingTCPServer):
    """Listens on ``port`` of loopback; ``mails`` are what came in, in order of arrival."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.port: int = self.server_address[1]
        self.mails: list[EmailMessage] = []


class _Session(socketserver.StreamRequestHandler):
    """RFC 5321 without extensions."""

    server: FakeSmtp

    def handle(self) -> None:
        self.say("220 mail.test")
        while line := self.rfile.readline():
            match line[:4].strip().upper():
                case b"DATA":
                    self.say("354 go on")
                    self.server.mails.append(self.mail())
                    self.say("250 kept")
                case b"QUIT":
                    self.say("221 bye")
                    return
                case _:
                    self.say("250 fine")

    def mail(self) -> EmailMessage:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        message = message_from_bytes(b"".join(lines), policy=policy.default)
        assert isinstance(message, EmailMessage)
        return message

    def say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")


@contextlib.contextmanager
def running_smtp() -> Iterator[FakeSmtp]:
    """A mail server until the block ends."""
    with FakeSmtp() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
