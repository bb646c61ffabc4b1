"""Silent servers, which the project must not wait for: they accept connections and send nothing."""

import contextlib
import socket
import threading


class Peer:
    """
    Accepts connections on `port`; forwards them to the port `target`, if given, until `silent` is set.

    With an SSLContext `tls`, clients have to speak TLS.
    """

    def __init__(self, target=None, tls=None):
        self.target = target
        self.tls = tls
        self.silent = threading.Event()
        self.accepted = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self._sockets = [self.listener]

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                self._sockets.append(client)
                self.accepted += 1
                if self.target:
                    threading.Thread(target=self.forward, args=[client], daemon=True).start()

    def forward(self, client):
        if self.tls:
            try:
                client = self.tls.wrap_socket(client, server_side=True)
            except OSError:
                # The client does not trust the certificate.
                return
            self._sockets.append(client)
        with client, socket.create_connection(("127.0.0.1", self.target)) as server:
            self._sockets.append(server)
            answer = threading.Thread(target=self.pass_on, args=(server, client), daemon=True)
            answer.start()
            self.pass_on(client, server)
            answer.join()

    def pass_on(self, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not self.silent.is_set():
                    sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def close(self):
        for each in self._sockets:
            # Wake up the thread that waits for this socket.
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@contextlib.contextmanager
def running_peer(target=None, tls=None):
    peer = Peer(target, tls)
    threading.Thread(target=peer.serve, daemon=True).start()
    try:
        yield peer
    finally:
        peer.close()
