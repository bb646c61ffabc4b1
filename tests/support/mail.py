"""A mail server that keeps what it is given."""

import contextlib
import email
import email.policy
import socketserver
import threading


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
    """Give a server whose `url` is an EMAIL_URL and whose `messages` are those that it was given."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session) as server:
        server.url = f"smtp://127.0.0.1:{server.server_address[1]}"
        server.messages = []
        threading.Thread(target=server.serve_forever).start()
        yield server
        server.shutdown()
