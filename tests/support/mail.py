"""A mail server that keeps the messages that it receives."""

import contextlib
import email
import email.policy
import re
import socketserver
import threading
import time

# The messages to all servers of this process.
received = []


class Server(socketserver.ThreadingTCPServer):
    """A mail server; `url` is its EMAIL_URL, `messages` are those that it received."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Session)
        self.url = f"smtp://127.0.0.1:{self.server_address[1]}"
        self.messages = received


def text_of(message):
    return message.get_body(["plain"]).get_content()


def message_to(address, text, limit=30):
    """Wait for the only message to this address whose plain text contains this; return it.

    After a failure of the network, the same message can arrive again.
    """
    end = time.monotonic() + limit
    while not (found := [each for each in received if each["To"] == address.lower() and text in text_of(each)]):
        assert time.monotonic() < end, f"no mail to {address} with {text} arrived"
        time.sleep(0.05)
    (message,) = {text_of(each): each for each in found}.values()
    return message


def link_to(site, address, path):
    """Wait for the mail to this address with a link to a page below `path` of this site; return the page's path."""
    start = f"{site.partition('://')[2]}{path}"
    return re.search(rf"://{re.escape(start)}\S+", text_of(message_to(address, start)))[0].replace(start, path)[3:]


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
