"""How Uvicorn runs: on 127.0.0.1:8000, or on PORT of every address, with WEB_CONCURRENCY workers."""

from __future__ import annotations

import os

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
{% if cookiecutter.__django != "4.2" %}
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
{% endif %}

from {{ cookiecutter.project_slug }} import logs
from {{ cookiecutter.project_slug }}.environment import env


class Protocol(HttpToolsProtocol):
    """Serves connections that were opened just before the server stops, and refuses malformed handshakes."""

    def handle_websocket_upgrade(self) -> None:
        # The version of websockets for Python 3.9 fails on a key that is not ASCII.
        if all(value.isascii() for name, value in self.headers if name.startswith(b"sec-websocket-")):
            super().handle_websocket_upgrade()
        else:
            self.send_400_response("The handshake is malformed.")

    def shutdown(self) -> None:
        # Uvicorn would close it at once, although a proxy may have sent a request that was not read yet.
        if self.cycle is None:
            self.loop.call_later(0.5, super().shutdown)
        else:
            super().shutdown()

{% if cookiecutter.__django != "4.2" %}

class SocketProtocol(WebSocketsSansIOProtocol):
    """Closes a socket that receives text which is not UTF-8; Uvicorn's own class logs an error or fails."""

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
        host="0.0.0.0" if env["PORT"] else "127.0.0.1",
        port=env["PORT"] or 8000,
        # The socket that systemd listens on, if it does.
        fd=3 if os.environ.get("LISTEN_PID") == str(os.getpid()) else None,
        workers=env["WEB_CONCURRENCY"],
        http=Protocol,
{% if cookiecutter.__django != "4.2" %}
        ws=SocketProtocol,
{% endif %}
        log_config=logs.config(env["LOG_LEVEL"], env["LOG_FORMAT"]),
        access_log=False,
        # Leaves it to TRUSTED_PROXIES whether X-Forwarded-Proto is believed.
        proxy_headers=False,
        lifespan="off",
        # A page sends nothing over its WebSocket.
        ws_max_size=64 * 1024,
        timeout_graceful_shutdown=30,
    )


if __name__ == "__main__":
    main()
