"""Terminates HTTPS on localhost in front of a server on another port."""

import contextlib
import socket
import socketserver
import ssl
import threading

from tests.support.proxies import certificate


class Front(socketserver.ThreadingTCPServer):
    """Passes the bytes of each connection on; `url` is its address. The client sends X-Forwarded-Proto itself."""

    daemon_threads = True

    def __init__(self, folder, port):
        super().__init__(("127.0.0.1", 0), Connection)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*certificate(folder, "DNS:localhost").values())
        self.backend = "127.0.0.1", port
        self.url = f"https://localhost:{self.server_address[1]}"


class Connection(socketserver.BaseRequestHandler):
    def handle(self):
        # Browsers close connections as they like.
        with contextlib.suppress(OSError), socket.create_connection(self.server.backend) as backend:
            with self.server.context.wrap_socket(self.request, server_side=True) as client:
                back = threading.Thread(target=pass_on, args=(backend, client), daemon=True)
                back.start()
                pass_on(client, backend)
                back.join()


def pass_on(source, target):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def running_front(folder, port):
    """Yield a running Front."""
    with Front(folder, port) as front:
        threading.Thread(target=front.serve_forever).start()
        yield front
        front.shutdown()
