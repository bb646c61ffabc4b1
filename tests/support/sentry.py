"""An error tracker that keeps the reports that it receives."""

import contextlib
import gzip
import http.server
import json
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.envelopes.append(body)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *arguments):
        pass


class Tracker(http.server.ThreadingHTTPServer):
    """An error tracker; `dsn` is its SENTRY_DSN, `envelopes` has the bytes of each report."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.dsn = f"http://key@127.0.0.1:{self.server_address[1]}/1"
        self.envelopes = []

    def events(self):
        """Return the error events among the reports."""
        parts = [json.loads(line) for envelope in list(self.envelopes) for line in envelope.splitlines()]
        return [part for part in parts if "exception" in part]


@contextlib.contextmanager
def running_tracker():
    with Tracker() as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield server
        finally:
            server.shutdown()
