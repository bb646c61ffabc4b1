"""Run synchronous views in a few threads, which are reused. Asynchronous views run on the event loop."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar
from typing import IO, Any
from urllib.parse import urlsplit

from asgiref.sync import SyncToAsync, ThreadSensitiveContext, iscoroutinefunction, markcoroutinefunction, sync_to_async
from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.core.handlers.wsgi import WSGIHandler
from django.db import close_old_connections
from django.http import FileResponse, HttpRequest, parse_cookie
from django.urls import Resolver404, resolve, set_script_prefix
from django.utils.module_loading import import_string
from whitenoise.middleware import WhiteNoiseMiddleware

from {{ cookiecutter.project_slug }}.health import livez
from {{ cookiecutter.project_slug }}.security import UTF8RequestMixin, has_nul

server_loop: ContextVar[asyncio.AbstractEventLoop] = ContextVar("server_loop")


class Threads(ThreadPoolExecutor):
    """A pool of threads. Each keeps its database connection until that is too old or broken."""

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
    Runs all synchronous code of an ASGI application in ASGI_THREADS threads. Requests wait for a free thread.

    By default, Django starts a thread and opens a database connection for each request. The threads find the event loop
    of the server in `server_loop`.
    """

    def __init__(self, application: Callable[..., Awaitable[None]]) -> None:
        self.application = application
        self.threads = ThreadSensitiveContext()
        SyncToAsync.context_to_thread_executor[self.threads] = Threads(settings.ASGI_THREADS)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        token = SyncToAsync.thread_sensitive_context.set(self.threads)
        loop_token = server_loop.set(asyncio.get_running_loop())
        try:
            await self.application(scope, receive, send)
        finally:
            server_loop.reset(loop_token)
            SyncToAsync.thread_sensitive_context.reset(token)


def is_asynchronous(path: str) -> bool:
    """Return whether the view at this path is a coroutine function."""
    try:
        return iscoroutinefunction(resolve(path).func)
    except Resolver404:
        return False


def bounded(receive: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[Any]]:
    """Wrap `receive`: discard the rest of a body as soon as it is larger than REQUEST_MAX_SIZE."""
    size = 0

    async def receive_bounded() -> Any:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        # Reads the whole body, because many proxies ignore a response that arrives while they send.
        while size > settings.REQUEST_MAX_SIZE and message.get("more_body"):
            message = {**message, "more_body": (await receive()).get("more_body")}
        return message

    return receive_bounded


class Request(UTF8RequestMixin, ASGIRequest):
    """A request from an ASGI server."""


class Handler(ASGIHandler):
    """
    Runs a synchronous view, its middleware and Django's signals in one thread; Django would switch threads at each.

    Asynchronous views and `/livez` occupy no thread.
    """

    request_class = Request

    def __init__(self) -> None:
        super().__init__()
        self.synchronous = WSGIHandler()
        self.respond = sync_to_async(self.respond_in_thread)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/livez":
            # Bypasses Django, which runs its signals in a thread.
            response = livez()
            headers = [(name.lower().encode(), value.encode()) for name, value in response.items()]
            await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
            await send({"type": "http.response.body", "body": response.content})
        else:
            await super().__call__(scope, bounded(receive), send)

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        prefix = settings.FORCE_SCRIPT_NAME or scope.get("root_path", "")
        if is_asynchronous(scope["path"].removeprefix(prefix)):
            await super().handle(scope, receive, send)
            return
        try:
            body_file = await self.read_body(receive)
        except RequestAborted:
            return
        set_script_prefix(prefix)
        response = await self.respond(scope, body_file)
{% if cookiecutter.__django == "4.2" %}
        await self.send_response(response, send)
{% else %}
        if response.streaming:
            await self.stream(response, receive, send)
        else:
            await self.send_response(response, send)

    async def stream(self, response: Any, receive: Any, send: Any) -> None:
        """Send the parts of a response until there are no more, or until the client disconnects."""
        sending = asyncio.ensure_future(self.send_response(response, send))
        disconnecting = asyncio.ensure_future(receive())
        await asyncio.wait({sending, disconnecting}, return_when=asyncio.FIRST_COMPLETED)
        for task in sending, disconnecting:
            task.cancel()
        await asyncio.wait({sending, disconnecting})
        await sync_to_async(response.close)()
        if not sending.cancelled():
            sending.result()
{% endif %}

    def respond_in_thread(self, scope: Any, body_file: IO[bytes]) -> Any:
        """Return the response, which is closed unless it is sent in parts."""
        signals.request_started.send(sender=type(self), scope=scope)
        request, response = self.create_request(scope, body_file)
        if request:
            response = self.synchronous.get_response(request)
            if isinstance(response, FileResponse):
                response.block_size = self.chunk_size
        else:
            body_file.close()
        response._handler_class = type(self)
{% if cookiecutter.__django != "4.2" %}
        if not response.streaming:
            response.close()
{% endif %}
        return response

    def create_request(self, scope: Any, body_file: IO[bytes]) -> Any:
        request, error = super().create_request(scope, body_file)
        if request:
            # A chunked body has no Content-Length header.
            request.META.setdefault("CONTENT_LENGTH", str(body_file.seek(0, os.SEEK_END)))
            body_file.seek(0)
        return request, error


def is_malformed(scope: Any) -> bool:
    """Return whether Channels or the database would raise an error for the URL or the headers of a handshake."""
    headers = dict(scope.get("headers", []))
    try:
        urlsplit(headers.get(b"origin", b"").decode("latin-1"))
    except ValueError:
        return True
    cookies = parse_cookie(headers.get(b"cookie", b"").decode("latin-1"))
    return has_nul(scope.get("path", ""), scope.get("query_string", b"").decode("latin-1"), cookies)


class Sockets:
    """Serves WebSockets. Closes all of them before the server stops or when Redis fails, so that pages reconnect."""

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
            # Imported only after an error, because without Redis nothing else needs this library.
            except import_string("redis.exceptions.RedisError"):
                # Redis may have lost groups and messages: all pages have to reconnect and reload.
                ended = end.done()
                self.end_all()
                if not ended:
                    raise
            if end.done():
                try:
                    await send({"type": "websocket.close", "code": self.GOING_AWAY})
                # Daphne does not allow this code.
                except Exception:
                    await send({"type": "websocket.close"})
        finally:
            self.ends.discard(end)

    def close_before(self, stop: Callable[[], object]) -> None:
        """Close all sockets, wait up to 5 seconds until they are closed, and call `stop`."""
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
    """Makes WhiteNoise occupy no thread while an asynchronous view runs."""

    async_capable = True
    get_response: Callable[[HttpRequest], Any]

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        super().__init__(get_response)
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        # The path of an asynchronous view is not that of a static file.
        return self.get_response(request) if iscoroutinefunction(self) else super().__call__(request)
