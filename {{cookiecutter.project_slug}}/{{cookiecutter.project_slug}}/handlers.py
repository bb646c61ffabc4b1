"""How requests are run under ASGI: what is synchronous in a few threads that live on, what is asynchronous in none."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, Any
from urllib.parse import urlsplit

from asgiref.sync import SyncToAsync, ThreadSensitiveContext, iscoroutinefunction, markcoroutinefunction, sync_to_async
from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.core.handlers.wsgi import WSGIHandler
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponseBase, parse_cookie
from django.urls import Resolver404, resolve
from redis.exceptions import RedisError
from whitenoise.middleware import WhiteNoiseMiddleware

from {{ cookiecutter.project_slug }}.health import livez
from {{ cookiecutter.project_slug }}.security import UTF8RequestMixin, has_nul


class Threads(ThreadPoolExecutor):
    """Threads that live on, and with each its database connection, until that is too old or broken."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return super().submit(self.run, fn, *args, **kwargs)

    @staticmethod
    def run(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        close_old_connections()
        try:
            return function(*args, **kwargs)
        finally:
            close_old_connections()


class SharedThreads:
    """
    Runs all synchronous code of an ASGI application in ASGI_THREADS threads; what finds none free waits for one.

    Django would start a thread, and open a database connection, for each request.
    """

    def __init__(self, application: Callable[..., Awaitable[None]]) -> None:
        self.application = application
        self.threads = ThreadSensitiveContext()
        SyncToAsync.context_to_thread_executor[self.threads] = Threads(settings.ASGI_THREADS)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        token = SyncToAsync.thread_sensitive_context.set(self.threads)
        try:
            await self.application(scope, receive, send)
        finally:
            SyncToAsync.thread_sensitive_context.reset(token)


def is_asynchronous(path: str) -> bool:
    """Tell whether the view at this path is a coroutine."""
    try:
        return iscoroutinefunction(resolve(path).func)
    except Resolver404:
        return False


def bounded(receive: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[Any]]:
    """Return what receives a body, and keeps no more of it than tells that it is larger than REQUEST_MAX_SIZE."""
    size = 0

    async def receive_bounded() -> Any:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        # All is read before it is refused, for many a proxy does not look for an answer while it sends.
        while size > settings.REQUEST_MAX_SIZE and message.get("more_body"):
            message = {**message, "more_body": (await receive()).get("more_body")}
        return message

    return receive_bounded


class Request(UTF8RequestMixin, ASGIRequest):
    """A request from an ASGI server."""


class Handler(ASGIHandler):
    """
    Runs a synchronous view and all its middleware in one thread, where Django changes threads at each of them.

    An asynchronous view holds no thread, and neither does `/livez`.
    """

    request_class = Request

    def __init__(self) -> None:
        super().__init__()
        self.synchronous = WSGIHandler()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/livez":
            # Not by way of Django, which runs its signals in a thread.
            response = livez()
            headers = [(name.lower().encode(), value.encode()) for name, value in response.items()]
            await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
            await send({"type": "http.response.body", "body": response.content})
        else:
            await super().__call__(scope, bounded(receive), send)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        if is_asynchronous(request.path_info):
            return await super().get_response_async(request)
{% if cookiecutter.__django == "4.2" %}
        return await sync_to_async(self.synchronous.get_response)(request)
{% else %}
        response = asyncio.ensure_future(sync_to_async(self.synchronous.get_response)(request))
        try:
            return await asyncio.shield(response)
        except asyncio.CancelledError:
            # The client has gone. Django would close the body that the thread still reads.
            await asyncio.wait([response])
            raise
{% endif %}

    def create_request(self, scope: Any, body_file: IO[bytes]) -> Any:
        request, error = super().create_request(scope, body_file)
        if request:
            # A body that comes in chunks has no header that tells its length.
            request.META.setdefault("CONTENT_LENGTH", str(body_file.seek(0, os.SEEK_END)))
            body_file.seek(0)
        return request, error


def is_malformed(scope: Any) -> bool:
    """Tell whether Channels or the database would raise an error for the address or headers of a handshake."""
    headers = dict(scope.get("headers", []))
    try:
        urlsplit(headers.get(b"origin", b"").decode("latin-1"))
    except ValueError:
        return True
    cookies = parse_cookie(headers.get(b"cookie", b"").decode("latin-1"))
    return has_nul(scope.get("path", ""), scope.get("query_string", b"").decode("latin-1"), cookies)


class Sockets:
    """Serves WebSockets, and closes all before the server stops or when Redis fails, so that their pages connect anew."""

    GOING_AWAY = 1001

    def __init__(self, application: Callable[..., Awaitable[None]]) -> None:
        self.application = application
        self.ends: set[asyncio.Future[None]] = set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        application = WebsocketDenier() if is_malformed(scope) else self.application
        end = asyncio.get_running_loop().create_future()

        async def receive_until_the_end() -> Any:
            message = asyncio.ensure_future(receive())
            try:
                await asyncio.wait({message, end}, return_when=asyncio.FIRST_COMPLETED)
                return message.result() if message.done() else {"type": "websocket.disconnect", "code": self.GOING_AWAY}
            finally:
                message.cancel()

        self.ends.add(end)
        try:
            try:
                await application(scope, receive_until_the_end, send)
            except RedisError:
                # Redis may have forgotten who listens, and told nobody what happened meanwhile: all pages connect anew.
                ended = end.done()
                self.end_all()
                if not ended:
                    raise
            if end.done():
                try:
                    await send({"type": "websocket.close", "code": self.GOING_AWAY})
                # Daphne lets no application send this code.
                except Exception:
                    await send({"type": "websocket.close"})
        finally:
            self.ends.discard(end)

    def close_before(self, stop: Callable[[], object]) -> None:
        """Close all sockets, wait for those whose clients take it within 5 seconds, and call `stop`."""
        if not self.ends:
            stop()
            return
        loop = next(iter(self.ends)).get_loop()
        loop.call_soon_threadsafe(lambda: loop.create_task(self.close(stop)))

    def end_all(self) -> None:
        for end in self.ends:
            if not end.done():
                end.set_result(None)

    async def close(self, stop: Callable[[], object]) -> None:
        self.end_all()
        limit = time.monotonic() + 5
        while self.ends and time.monotonic() < limit:
            await asyncio.sleep(0.05)
        stop()


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]
    """WhiteNoise that holds no thread while an asynchronous view runs."""

    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        super().__init__(get_response)
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        # Where the view is asynchronous, there is no static file.
        return self.get_response(request) if iscoroutinefunction(self) else super().__call__(request)
