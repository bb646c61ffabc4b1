"""How Uvicorn runs: on 127.0.0.1:8000, or on PORT of every address, with WEB_CONCURRENCY workers."""

from __future__ import annotations

import os

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from {{ cookiecutter.project_slug }} import logs
from {{ cookiecutter.project_slug }}.environment import env


class Protocol(HttpToolsProtocol):
    """Serves a connection that was open, but had sent no request yet, when the server began to stop."""

    def shutdown(self) -> None:
        # Uvicorn would close it at once, although a proxy may have sent a request that was not read yet.
        if self.cycle is None:
            self.loop.call_later(0.5, super().shutdown)
        else:
            super().shutdown()


def main() -> None:
    uvicorn.run(
        "{{ cookiecutter.project_slug }}.asgi:application",
        host="0.0.0.0" if env["PORT"] else "127.0.0.1",
        port=env["PORT"] or 8000,
        # The socket that systemd listens on, if it does.
        fd=3 if os.environ.get("LISTEN_PID") == str(os.getpid()) else None,
        workers=env["WEB_CONCURRENCY"],
        http=Protocol,
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
