"""Run Uvicorn with WEB_CONCURRENCY workers, on 127.0.0.1:8000 or, if PORT is set, on this port of all addresses."""

from __future__ import annotations

import asyncio
import os
import time

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
{% if cookiecutter.__django != "4.2" %}
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
{% endif %}

from {{ cookiecutter.project_slug }} import logs
from {{ cookiecutter.project_slug }}.environment import env


class Protocol(HttpToolsProtocol):
    """
    Answers requests that arrive just before the server stops, and refuses malformed handshakes.

    The server processes share the connections.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # Lets another process accept the next connection; one process could take all that arrive at once.
        time.sleep(0.000001)

    def handle_websocket_upgrade(self) -> None:
        # The version of websockets for Python 3.9 raises an error for a key that is not ASCII.
        if all(value.isascii() for name, value in self.headers if name.startswith(b"sec-websocket-")):
            super().handle_websocket_upgrade()
        else:
            self.send_400_response("The handshake is malformed.")

    def shutdown(self) -> None:
        # Uvicorn would close the connection at once, although a request may already be on its way.
        if self.cycle is None:
            self.loop.call_later(0.5, super().shutdown)
        else:
            super().shutdown()

{% if cookiecutter.__django != "4.2" %}

class SocketProtocol(WebSocketsSansIOProtocol):
    """Closes a socket that receives text that is not UTF-8; Uvicorn's own class logs or raises an error."""

    def send_receive_event_to_app(self) -> None:
        try:
            if self.curr_msg_data_type == "text":
                b"".join(self.frames).decode()
        except UnicodeDecodeError:
            self.conn.fail(1007)
            self.handle_parser_exception()
        else:
            super().send_receive_event_to_app()

{% endif %}

def main() -> None:
    uvicorn.run(
        "{{ cookiecutter.project_slug }}.asgi:application",
        # A container has its own network.
        host="0.0.0.0" if env["PORT"] else "127.0.0.1",  # noqa: S104
        port=env["PORT"] or 8000,
        # The socket that systemd has opened, if it has.
        fd=3 if os.environ.get("LISTEN_PID") == str(os.getpid()) else None,
        workers=env["WEB_CONCURRENCY"],
        http=Protocol,
{% if cookiecutter.__django != "4.2" %}
        ws=SocketProtocol,
{% endif %}
        log_config=logs.config(env["LOG_LEVEL"], env["LOG_FORMAT"]),
        access_log=False,
        # TRUSTED_PROXIES decides whether X-Forwarded-Proto is trusted.
        proxy_headers=False,
        lifespan="off",
        # Pages send nothing over their WebSocket.
        ws_max_size=64 * 1024,
        timeout_graceful_shutdown=30,
    )


if __name__ == "__main__":
    main()
