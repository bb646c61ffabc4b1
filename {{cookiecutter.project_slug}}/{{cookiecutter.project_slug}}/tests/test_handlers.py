{% if cookiecutter.interface == "ASGI" %}
import asyncio
import json
import threading
from io import BytesIO
from unittest import mock

from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
from django.test import SimpleTestCase, override_settings
from django.urls import path, reverse
from django.views.decorators.csrf import csrf_exempt
from redis.exceptions import RedisError

from {{ cookiecutter.project_slug }} import handlers
from {{ cookiecutter.project_slug }}.handlers import (
    Handler,
    SharedThreads,
    Sockets,
    bounded,
    is_asynchronous,
    server_loop,
)


def synchronous(request):
    return HttpResponse(str(threading.get_ident()))


async def asynchronous(request):
    """A view that the tests replace."""


def upload(request):
    return JsonResponse({"length": len(request.body), "header": request.META["CONTENT_LENGTH"]})


urlpatterns = [
    path("synchronous", synchronous, name="synchronous"),
    path("asynchronous", asynchronous),
    path("upload", csrf_exempt(upload)),
    path("parts", synchronous),
    path("mounted", lambda request: HttpResponse(reverse("synchronous"))),
]


def scope(path, method="GET"):
    headers = [(b"host", b"testserver")]
    return {"type": "http", "method": method, "path": path, "query_string": b"", "headers": headers}


async def get(application, path):
    """Return the status and the text of the response."""
    server = ApplicationCommunicator(application, scope(path))
    await server.send_input({"type": "http.request"})
    status = (await server.receive_output())["status"]
    text = (await server.receive_output())["body"].decode()
    await server.wait()
    return status, text


@override_settings(ROOT_URLCONF=__name__, ASGI_THREADS=1, SECURE_SSL_REDIRECT=False)
class HandlerTests(SimpleTestCase):
    def setUp(self):
        close = mock.patch.object(handlers, "close_old_connections")
        self.close = close.start()
        self.addCleanup(close.stop)

    def run_with_one_thread(self, visit):
        # Not an asynchronous test: Django would run its synchronous code in another thread.
        async def run():
            return await visit(SharedThreads(Handler()))

        return asyncio.run(run())

    def test_synchronous_views_share_their_threads(self):
        async def visit(application):
            return await asyncio.gather(*(get(application, "/synchronous") for _ in range(5)))

        answers = self.run_with_one_thread(visit)
        self.assertEqual(len(set(answers)), 1)
        self.assertNotEqual(answers[0], (200, str(threading.get_ident())))

    async def test_a_thread_finds_the_event_loop_of_the_server(self):
        async def application(scope, receive, send):
            self.assertIs(await sync_to_async(server_loop.get)(), asyncio.get_running_loop())

        await SharedThreads(application)({}, None, None)
        self.assertIsNone(server_loop.get(None))

    def test_a_synchronous_view_and_its_middleware_go_to_a_thread_once(self):
        async def visit(application):
            return await get(application, "/synchronous")

        self.run_with_one_thread(visit)
{% if cookiecutter.__django == "4.2" %}
        # Once more for Django's signal after the request; each checks connections twice.
        self.assertEqual(self.close.call_count, 2 * 2)
{% else %}
        # Connections are checked before and after.
        self.assertEqual(self.close.call_count, 2)
{% endif %}

    def test_an_asynchronous_view_occupies_no_thread_while_it_waits(self):
        async def visit(application):
            entered, leave = asyncio.Event(), asyncio.Event()

            async def waiting(request):
                entered.set()
                await leave.wait()
                return HttpResponse("done")

            with mock.patch.object(urlpatterns[1], "callback", waiting):
                waits = asyncio.create_task(get(application, "/asynchronous"))
                await entered.wait()
                self.assertEqual((await get(application, "/synchronous"))[0], 200)
                leave.set()
                return await waits

        self.assertEqual(self.run_with_one_thread(visit), (200, "done"))

    def test_a_thread_is_awaited_after_the_client_disconnects(self):
        enter, leave, read = threading.Event(), threading.Event(), []

        def reading(request):
            enter.set()
            leave.wait()
            read.append(request.body)
            return HttpResponse("done")

        async def visit(application):
            server = ApplicationCommunicator(application, scope("/upload", "POST"))
            await server.send_input({"type": "http.request", "body": b"all of it"})
            while not enter.is_set():
                await asyncio.sleep(0.01)
            await server.send_input({"type": "http.disconnect"})
            asyncio.get_running_loop().call_later(0.1, leave.set)
            await server.wait()

        with mock.patch.object(urlpatterns[2], "callback", csrf_exempt(reading)):
            self.run_with_one_thread(visit)
        self.assertEqual(read, [b"all of it"])

    def test_a_response_in_parts_is_closed_after_the_last_one(self):
        async def visit(application):
            server = ApplicationCommunicator(application, scope("/parts"))
            await server.send_input({"type": "http.request"})
            received = [await server.receive_output() for _ in range(4)]
            await server.wait()
            return [message.get("body") for message in received]

        async def parts():
            yield "one"
            self.close.reset_mock()
            yield "two"

        with mock.patch.object(urlpatterns[3], "callback", lambda request: StreamingHttpResponse(parts())):
            self.assertEqual(self.run_with_one_thread(visit), [None, b"one", b"two", None])
        self.assertEqual(self.close.call_count, 2)

{% if cookiecutter.__django != "4.2" %}
    def test_a_response_in_parts_ends_when_the_client_disconnects(self):
        ended = []

        async def parts():
            try:
                while True:
                    yield "again"
                    await asyncio.sleep(0)
            finally:
                ended.append(True)

        async def visit(application):
            server = ApplicationCommunicator(application, scope("/parts"))
            await server.send_input({"type": "http.request"})
            await server.receive_output()
            await server.send_input({"type": "http.disconnect"})
            done, _ = await asyncio.wait({server.future}, timeout=5)
            server.future.cancel()
            return bool(done)

        with mock.patch.object(urlpatterns[3], "callback", lambda request: StreamingHttpResponse(parts())):
            self.assertTrue(self.run_with_one_thread(visit))
        self.assertEqual(ended, [True])

{% endif %}
    def test_a_file_is_sent_in_large_parts(self):
        file = FileResponse(BytesIO(b"a" * (Handler.chunk_size + 1)))

        async def visit(application):
            server = ApplicationCommunicator(application, scope("/parts"))
            await server.send_input({"type": "http.request"})
            received = [await server.receive_output() for _ in range(3)]
            await server.wait()
            return [len(message["body"]) for message in received[1:]]

        # Django warns, because it has to read the whole file before it sends it.
        with mock.patch.object(urlpatterns[3], "callback", lambda request: file), self.assertWarns(Warning):
            self.assertEqual(self.run_with_one_thread(visit), [Handler.chunk_size, 1])

    def test_an_error_in_a_part_ends_the_response(self):
        async def parts():
            yield "one"
            raise LookupError("no second part")

        async def visit(application):
            server = ApplicationCommunicator(application, scope("/parts"))
            await server.send_input({"type": "http.request"})
            await server.wait()

        with mock.patch.object(urlpatterns[3], "callback", lambda request: StreamingHttpResponse(parts())):
            with self.assertRaisesMessage(LookupError, "no second part"):
                self.run_with_one_thread(visit)

    def test_a_client_that_disconnects_while_it_sends_gets_no_response(self):
        async def visit(application):
            server = ApplicationCommunicator(application, scope("/upload", "POST"))
            await server.send_input({"type": "http.request", "body": b"a part", "more_body": True})
            await server.send_input({"type": "http.disconnect"})
            await server.wait()
            return await server.receive_nothing()

        with mock.patch.object(urlpatterns[2], "callback", mock.Mock()) as view:
            self.assertTrue(self.run_with_one_thread(visit))
        view.assert_not_called()

    def test_a_view_knows_the_path_under_which_the_site_is_mounted(self):
        async def visit(application):
            mounted = {**scope("/site/mounted"), "root_path": "/site"}
            server = ApplicationCommunicator(application, mounted)
            await server.send_input({"type": "http.request"})
            await server.receive_output()
            text = (await server.receive_output())["body"].decode()
            await server.wait()
            return text

        self.assertEqual(self.run_with_one_thread(visit), "/site/synchronous")

    def test_livez_does_not_wait_for_a_thread(self):
        async def visit(application):
            entered, leave, loop = asyncio.Event(), threading.Event(), asyncio.get_running_loop()

            def waiting(request):
                loop.call_soon_threadsafe(entered.set)
                leave.wait()
                return HttpResponse("done")

            with mock.patch.object(urlpatterns[0], "callback", waiting):
                waits = asyncio.create_task(get(application, "/synchronous"))
                await entered.wait()
                try:
                    self.assertEqual(await get(application, "/livez"), (200, "ok"))
                finally:
                    leave.set()
                return await waits

        self.assertEqual(self.run_with_one_thread(visit), (200, "done"))

    @override_settings(REQUEST_MAX_SIZE=10)
    def test_a_body_in_chunks_is_refused_when_it_is_too_large(self):
        create_request, kept = Handler.create_request, []

        def create(handler, scope, body_file):
            request, error = create_request(handler, scope, body_file)
            kept.append(request.META["CONTENT_LENGTH"])
            return request, error

        async def visit(application):
            answers = []
            for chunks in [b"12345", b"67890"], [b"12345", b"67890", b"1", b"lost"]:
                request = {"type": "http", "method": "POST", "path": "/upload", "query_string": b""}
                request["headers"] = [(b"host", b"testserver"), (b"transfer-encoding", b"chunked")]
                server = ApplicationCommunicator(application, request)
                for number, chunk in enumerate(chunks, 1):
                    more = number < len(chunks)
                    await server.send_input({"type": "http.request", "body": chunk, "more_body": more})
                answers.append((await server.receive_output(), await server.receive_output()))
                await server.wait()
            return answers

        with mock.patch.object(Handler, "create_request", create):
            (start, end), (refusal, _) = self.run_with_one_thread(visit)
        self.assertEqual(kept, ["10", "11"])
        self.assertEqual(start["status"], 200)
        self.assertEqual(json.loads(end["body"]), {"length": 10, "header": "10"})
        self.assertEqual(refusal["status"], 413)

    @override_settings(REQUEST_MAX_SIZE=2)
    async def test_the_rest_of_a_body_that_is_too_large_is_discarded(self):
        messages = [{"type": "http.request", "body": b"12", "more_body": more} for more in (True, True, True, False)]
        messages.append({"type": "http.disconnect"})
        receive = bounded(mock.AsyncMock(side_effect=messages))
        self.assertEqual(await receive(), messages[0])
        self.assertEqual(await receive(), {**messages[1], "more_body": False})
        self.assertEqual(await receive(), messages[4])

    def test_a_malformed_request_is_refused(self):
        async def visit(application):
            request = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
            with mock.patch.object(Handler, "request_class", side_effect=UnicodeDecodeError("utf-8", b"", 0, 1, "")):
                server = ApplicationCommunicator(application, request)
                await server.send_input({"type": "http.request"})
                return (await server.receive_output())["status"]

        with self.assertLogs("django.request", "WARNING"):
            self.assertEqual(self.run_with_one_thread(visit), 400)

    def test_a_path_without_a_view_is_not_asynchronous(self):
        self.assertTrue(is_asynchronous("/asynchronous"))
        self.assertFalse(is_asynchronous("/synchronous"))
        self.assertFalse(is_asynchronous("/nowhere"))


class SocketsTests(SimpleTestCase):
    async def echo(self, scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] != "websocket.disconnect":
            await send({"type": "websocket.send", "text": message["text"]})

    async def connect(self, sockets):
        socket = ApplicationCommunicator(sockets, {"type": "websocket"})
        await socket.send_input({"type": "websocket.connect"})
        await socket.receive_output()
        return socket

    async def test_a_socket_is_served_until_it_closes(self):
        stop = mock.Mock()
        sockets = Sockets(self.echo)
        socket = await self.connect(sockets)
        await socket.send_input({"type": "websocket.receive", "text": "hello"})
        self.assertEqual(await socket.receive_output(), {"type": "websocket.send", "text": "hello"})
        await socket.send_input({"type": "websocket.disconnect"})
        await socket.wait()
        sockets.close_before(stop)
        stop.assert_called_once()

    async def test_open_sockets_are_closed_before_the_server_stops(self):
        stopped = asyncio.Event()
        sockets = Sockets(self.echo)
        open_sockets = [await self.connect(sockets) for _ in range(2)]
        # A server may receive the signal twice.
        for _ in range(2):
            sockets.close_before(stopped.set)
        for socket in open_sockets:
            self.assertFalse(stopped.is_set())
            self.assertEqual(await socket.receive_output(), {"type": "websocket.close", "code": 1001})
        await asyncio.wait_for(stopped.wait(), 10)

    async def test_when_redis_fails_one_socket_all_sockets_close(self):
        async def leaves_a_group(scope, receive, send):
            await self.echo(scope, receive, send)
            raise RedisError

        sockets = Sockets(leaves_a_group)
        failing, other = [await self.connect(sockets) for _ in range(2)]
        await failing.send_input({"type": "websocket.disconnect"})
        with self.assertRaises(RedisError):
            await failing.wait()
        self.assertEqual(await other.receive_output(), {"type": "websocket.close", "code": 1001})
        await other.wait()

    async def test_a_server_that_refuses_the_code_closes_without_it(self):
        sent = []

        async def send(message):
            if "code" in message:
                raise ValueError(message["code"])
            sent.append(message)

        sockets = Sockets(self.echo)
        messages = asyncio.Queue()
        messages.put_nowait({"type": "websocket.connect"})
        socket = asyncio.create_task(sockets({"type": "websocket"}, messages.get, send))
        while not sent:
            await asyncio.sleep(0)
        await sockets.close(mock.Mock())
        await socket
        self.assertEqual(sent, [{"type": "websocket.accept"}, {"type": "websocket.close"}])

    async def test_a_client_that_does_not_close_delays_the_stop_for_seconds_only(self):
        async def blocked(scope, receive, send):
            await asyncio.Event().wait()

        sockets = Sockets(blocked)
        socket = asyncio.create_task(sockets({"type": "websocket"}, asyncio.Event().wait, None))
        await asyncio.sleep(0)
        stop = mock.Mock()
        with mock.patch.object(handlers, "time") as time:
            time.monotonic.side_effect = [100, 104, 106]
            await sockets.close(stop)
        stop.assert_called_once()
        socket.cancel()
{% endif %}
