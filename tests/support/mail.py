"""A mail server that keeps the messages that it receives."""

import contextlib
import email
import email.policy
import socketserver
import threading
import time


class Server(socketserver.ThreadingTCPServer):
    """A mail server; `url` is its EMAIL_URL, `messages` are those that it received."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Session)
        self.url = f"smtp://127.0.0.1:{self.server_address[1]}"
        self.messages = []

    def message_to(self, address, limit=60):
        """Wait for the only message to this address and return it."""
        end = time.monotonic() + limit
        while address not in [message["To"] for message in self.messages]:
            assert time.monotonic() < end, f"no mail to {address} arrived"
            time.sleep(0.05)
        (message,) = [message for message in self.messages if message["To"] == address]
        return message


class Session(socketserver.StreamRequestHandler):
    def say(self, line):
        self.wfile.write(f"{line}\r\n".encode())

    def handle(self):
        self.say("220 ready")
        for line in self.rfile:
            word = line[:4].upper().strip()
            if word == b"DATA":
                self.say("354 go on")
                lines = iter(self.rfile.readline, b".\r\n")
                message = b"".join(line.removeprefix(b".") for line in lines)
                self.server.messages.append(email.message_from_bytes(message, policy=email.policy.default))
            self.say("221 bye" if word == b"QUIT" else "250 ok")


@contextlib.contextmanager
def running_mail_server():
    """Yield a running Server."""
    with Server() as server:
        threading.Thread(target=server.serve_forever).start()
        yield server
        server.shutdown()
