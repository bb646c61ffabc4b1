{% if cookiecutter.interface == "ASGI" %}
import asyncio
import os
import runpy
from unittest import mock

import uvicorn
from django.test import SimpleTestCase
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from {{ cookiecutter.project_slug }} import server, startup
from {{ cookiecutter.project_slug }}.environment import env
{% if cookiecutter.__django == "4.2" %}
from {{ cookiecutter.project_slug }}.server import Protocol
{% else %}
from {{ cookiecutter.project_slug }}.server import Protocol, SocketProtocol
{% endif %}


class UvicornTests(SimpleTestCase):
    def config(self, **environment):
        """Return the arguments with which Uvicorn runs with these environment variables."""
        with mock.patch.object(uvicorn, "run") as run, mock.patch.dict(os.environ, environment):
            runpy.run_path(server.__file__, run_name="__main__")
        return uvicorn.Config(*run.call_args.args, **{**run.call_args.kwargs, "log_config": None, "ws": "none"})

    def test_its_application_is_that_of_the_project(self):
        config = self.config()
        with mock.patch.object(startup, "prepare"):
            config.load()
        self.assertTrue(callable(config.loaded_app))
        self.assertEqual(config.http_protocol_class.__qualname__, Protocol.__qualname__)

    def test_it_listens_on_all_addresses_only_if_port_is_set(self):
        for value, expected in (None, ("127.0.0.1", 8000)), (8001, ("0.0.0.0", 8001)):
            with self.subTest(value), mock.patch.dict(env, PORT=value):
                config = self.config()
                self.assertEqual((config.host, config.port), expected)

    def test_it_has_as_many_processes_as_the_environment_says(self):
        with mock.patch.dict(env, WEB_CONCURRENCY=3):
            self.assertEqual(self.config().workers, 3)

    def test_it_trusts_no_header_and_accepts_no_large_message(self):
        config = self.config()
        self.assertIs(config.proxy_headers, False)
        self.assertEqual(config.ws_max_size, 64 * 1024)

    def test_it_takes_the_socket_that_systemd_gives_to_this_process(self):
        self.assertEqual(self.config(LISTEN_PID=str(os.getpid())).fd, 3)
        self.assertIsNone(self.config(LISTEN_PID="1").fd)

    async def test_each_connection_gives_the_other_processes_time_to_accept_the_next_one(self):
        config = self.config()
        config.load()
        with mock.patch.object(server, "time") as time:
            Protocol(config, ServerState(), {}, asyncio.get_running_loop()).connection_made(mock.MagicMock())
        time.sleep.assert_called_once()

    async def test_a_connection_is_not_closed_while_its_first_request_is_on_its_way(self):
        config = self.config()
        config.load()
        loop = mock.Mock(wraps=asyncio.get_running_loop())
        protocol = Protocol(config, ServerState(), {}, loop)
        protocol.connection_made(mock.MagicMock())
        protocol.shutdown()
        protocol.transport.close.assert_not_called()
        seconds, close = loop.call_later.call_args.args
        self.assertEqual(seconds, 0.5)
        close()
        protocol.transport.close.assert_called_once()

    async def test_a_handshake_that_is_not_ascii_is_refused(self):
        config = self.config()
        config.load()
        for key, is_refused in (b"MDEyMzQ1Njc4OWFiY2RlZg==", False), (b"\xff", True):
            with self.subTest(key=key):
                protocol = Protocol(config, ServerState(), {}, asyncio.get_running_loop())
                protocol.connection_made(mock.MagicMock())
                protocol.headers = [(b"origin", b"\xff"), (b"sec-websocket-key", key)]
                with mock.patch.object(HttpToolsProtocol, "handle_websocket_upgrade") as upgrade:
                    protocol.handle_websocket_upgrade()
                self.assertEqual(protocol.transport.write.called, is_refused)
                self.assertEqual(upgrade.called, not is_refused)

    async def test_a_connection_that_waits_for_a_second_request_is_closed_at_once(self):
        config = self.config()
        config.load()
        protocol = Protocol(config, ServerState(), {}, asyncio.get_running_loop())
        protocol.connection_made(mock.MagicMock())
        protocol.cycle = mock.Mock(response_complete=True)
        protocol.shutdown()
        protocol.transport.close.assert_called_once()
{% if cookiecutter.__django != "4.2" %}

    async def test_a_socket_closes_when_its_text_is_not_utf_8(self):
        config = self.config()
        config.load()
        for kind, data, message in (
            ("text", "é".encode(), {"type": "websocket.receive", "text": "é"}),
            ("bytes", b"\xff", {"type": "websocket.receive", "bytes": b"\xff"}),
            ("text", b"\xff", None),
        ):
            with self.subTest(kind=kind, data=data), self.assertNoLogs("uvicorn.error"):
                protocol = SocketProtocol(config, ServerState(), {})
                protocol.connection_made(mock.MagicMock())
                protocol.curr_msg_data_type, protocol.frames = kind, [data]
                with mock.patch.object(protocol, "handle_parser_exception") as close:
                    protocol.send_receive_event_to_app()
                self.assertEqual(close.called, message is None)
                if message:
                    self.assertEqual(protocol.queue.get_nowait(), message)
{% endif %}
{% endif %}
