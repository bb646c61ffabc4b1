"""Load tests of a deployed project behind nginx or Apache: each checks a limit and prints its measurements."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
import websockets.exceptions

from template_code.questions import ROOT
from tests.support.load import Load, Redis, Service, create, deployments_with, live, many_files, report
from tests.support.production import INTERFACES
from tests.support.proxies import LIMIT, PROXIES, nginx, tls_context

pytestmark = pytest.mark.load

USERS = 100
MESSAGES = 300
PAGES = 200
# Two thirds of the requests are for these, one third create an item.
PATHS = ["/livez", "/"]


@pytest.fixture
def folder():
    """A folder that all users of the machine can read."""
    with tempfile.TemporaryDirectory(prefix="load-") as name:
        os.chmod(name, 0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def deployments(installed, postgres, redis_port):
    with deployments_with(USERS, installed, postgres, redis_port) as deployments:
        yield deployments


@pytest.fixture
def asgi(deployments):
    return deployments("ASGI")


@pytest.fixture(params=INTERFACES)
def deployment(request, deployments):
    return deployments(request.param)


@contextlib.contextmanager
def behind_nginx(deployment, folder, proxy=nginx, **settings):
    """Run the service and nginx, or another proxy; yield both."""
    with Service(deployment, folder, **settings) as service:
        with proxy(deployment, folder, [service.path]) as front:
            yield service, front


async def heard(connection):
    return json.loads(await asyncio.wait_for(connection.recv(), LIMIT))


async def open_sockets(front, keys, at_once=50):
    """Open a WebSocket for each of these sessions; return the connections in the same order."""
    context, free = tls_context(), asyncio.Semaphore(at_once)

    async def one(key):
        async with free:
            return await live(front, key, context)

    return await asyncio.gather(*map(one, keys))


async def close_all(connections):
    await asyncio.gather(*(connection.close() for connection in connections))


# Apache uses one of its 2,000 threads for each WebSocket.
@pytest.mark.parametrize(("proxy", "count"), [("nginx", 2000), ("Apache", 1500)])
def test_many_sockets_receive_a_change_while_the_api_answers(asgi, folder, proxy, count):
    many_files()
    first, *others = asgi.sessions
    half = count // 2

    async def run(service, front):
        start = time.monotonic()
        connections = await open_sockets(front, [first] * half + others[:50] * (half // 50))
        opened = time.monotonic() - start
        start = time.monotonic()
        number = await create(front, first, "Compass")
        messages = await asyncio.gather(*map(heard, connections[:half]))
        of_one = time.monotonic() - start
        assert messages == [{"event": "saved", "id": number}] * half
        start = time.monotonic()
        numbers = [await create(front, key, "Sextant") for key in others[:50]]
        # This is the first message of each: the first user's change was not sent to other users.
        messages = await asyncio.gather(*map(heard, connections[half:]))
        of_all = time.monotonic() - start
        assert messages == [{"event": "saved", "id": number} for number in numbers * (half // 50)]
        used = service.memory()
        await close_all(connections)
        return opened, of_one, of_all, used

    with behind_nginx(asgi, folder, PROXIES[proxy]) as (service, front):
        before = service.memory()
        with Load(front, others[50:], rate=10) as load:
            opened, of_one, of_all, used = asyncio.run(run(service, front))
        assert load.failures() == []
        assert used - before < 400
        report(f"{proxy}: {count} sockets opened in {opened:.0f} s, server {before} -> {used} MiB; a change heard by")
        report(f"{half} in {of_one:.2f} s, 50 changes by the others in {of_all:.2f} s; API: {load.numbers()}")


SLEEPERS = """
import asyncio, sys
from tests.load.test_load import open_sockets

class Front:
    https = int(sys.argv[1])

async def main():
    connections = await open_sockets(Front, sys.argv[2:])
    print("open", flush=True)
    await asyncio.sleep(3600)

asyncio.run(main())
"""


@contextlib.contextmanager
def dead_clients(front, keys):
    """A process that opens a WebSocket for each of these sessions and is then suspended."""
    command = [sys.executable, "-c", SLEEPERS, str(front.https), *keys]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "open\n"
            process.send_signal(signal.SIGSTOP)
            yield
        finally:
            process.kill()


# Sends messages about changes to all sockets of a user; nobody made these changes.
FLOOD = """
import time
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.contrib.auth import get_user_model
owner = get_user_model().objects.get(username="user-0")
for number in range({count}):
    message = {{"type": "object.changed", "event": "saved", "id": "x" * {size}}}
    async_to_sync(get_channel_layer().group_send)(f"items.item.{{owner.pk}}", message)
    time.sleep({pause})
"""


def test_dead_clients_do_not_slow_down_the_others(asgi, folder):
    key, other = asgi.sessions[:2]

    async def listen(alive, messages):
        async for message in alive:
            messages.append(json.loads(message)["id"])

    async def run(front, service):
        (alive, unrelated) = connections = await open_sockets(front, [key, other])
        messages, seconds, most = [], [], 0
        listening = asyncio.create_task(listen(alive, messages))
        with dead_clients(front, [key] * 50):
            # For each socket, these are more bytes than fit into the buffers on the way.
            script = FLOOD.format(count=MESSAGES, size=20000, pause=0.05)
            flood = asyncio.create_task(asyncio.to_thread(asgi.run, "shell", "-c", script))
            while not flood.done():
                start = time.monotonic()
                number = await create(front, other, "Sextant")
                assert await heard(unrelated) == {"event": "saved", "id": number}
                seconds.append(time.monotonic() - start)
                most = max(most, service.memory())
                await asyncio.sleep(0.2)
            await flood
            number, start = await create(front, key, "Compass"), time.monotonic()
            while number not in messages:
                assert time.monotonic() < start + LIMIT
                await asyncio.sleep(0.05)
        await close_all(connections)
        await listening
        return most, seconds, len(messages) - 1

    with behind_nginx(asgi, folder) as (service, front):
        before = service.memory()
        most, seconds, count = asyncio.run(run(front, service))
        assert count == MESSAGES
        assert most - before < 200
        report(
            f"50 dead clients and {MESSAGES} messages of 20 kB to each: server {before} -> {most} MiB; a live client"
        )
        report(f"heard all, another user's {len(seconds)} changes were heard after {max(seconds):.2f} s at most")


def test_a_message_larger_than_64_kib_closes_only_its_socket(asgi, folder):
    key = asgi.sessions[0]

    async def run(front):
        large, small, other = connections = await open_sockets(front, [key] * 3)
        await large.send("x" * (64 * 1024 + 1))
        await small.send("x" * (64 * 1024))
        with pytest.raises(websockets.exceptions.ConnectionClosed):
            await asyncio.wait_for(large.recv(), LIMIT)
        number = await create(front, key, "Compass")
        for connection in small, other:
            assert await heard(connection) == {"event": "saved", "id": number}
        await close_all(connections)
        return large.close_code

    with behind_nginx(asgi, folder) as (_, front):
        code = asyncio.run(run(front))
        assert code == 1009
        report(f"a message of 64 KiB and one byte closed its socket with {code}")


@contextlib.contextmanager
def locked(deployment, postgres, seconds):
    """Lock the table of items against writes for some seconds."""
    script = f"BEGIN; LOCK TABLE items_item IN EXCLUSIVE MODE; SELECT pg_sleep({seconds}); COMMIT"
    thread = threading.Thread(target=postgres.sql, args=[script, deployment.database])
    thread.start()
    try:
        yield
    finally:
        thread.join()


def test_sigterm_under_load_fails_no_request_and_closes_sockets_with_1001(asgi, folder, postgres):
    async def run(service, front):
        connections = await open_sockets(front, asgi.sessions[:20])
        # Writing requests are in progress from before the signal until after the draining.
        with locked(asgi, postgres, 5):
            await asyncio.sleep(1)
            service.process.send_signal(signal.SIGTERM)
            signalled = time.monotonic()
            while service.answer("/readyz") != (503, "shutting down"):
                assert time.monotonic() < signalled + 2
            for connection in connections:
                with contextlib.suppress(websockets.exceptions.ConnectionClosed):
                    while True:
                        await heard(connection)
            assert {connection.close_code for connection in connections} == {1001}
            closed = time.monotonic() - signalled
        assert await asyncio.to_thread(service.process.wait, LIMIT) == 0
        ended = time.monotonic() - signalled
        service.start()
        return closed, ended

    with behind_nginx(asgi, folder, DRAIN_SECONDS=2) as (service, front):
        with Load(front, asgi.sessions, rate=40) as load:
            time.sleep(2)
            closed, ended = asyncio.run(run(service, front))
            time.sleep(2)
        assert load.failures() == []
        load.check_items(postgres, asgi.database)
        report(f"SIGTERM, draining 2 s: sockets closed with 1001 after {closed:.1f} s, ended after {ended:.1f} s;")
        report(f"no request failed: {load.numbers()}")


def test_a_rolling_restart_loses_no_request(deployment, folder, postgres):
    name = deployment.project.answers["interface"]
    with Service(deployment, folder, DRAIN_SECONDS=1) as one, Service(deployment, folder, DRAIN_SECONDS=1) as two:
        with nginx(deployment, folder, [one.path, two.path]) as front:
            with Load(front, deployment.sessions, 200, PATHS) as load:
                start = time.monotonic()
                for service in one, two, one, two:
                    time.sleep(2)
                    service.restart()
                time.sleep(max(2, start + 20 - time.monotonic()))
            assert load.failures() == []
            load.check_items(postgres, deployment.database)
            report(f"{name}, four restarts of two instances: no request failed, {load.numbers()}")


def while_it_is_down(load, down, back):
    """Return the failed requests, and check that each was in progress between these times."""
    failures = load.failures()
    assert [answer for answer in failures if answer.answered < down or answer.asked > back] == []
    assert {answer.status for answer in failures} <= {500}
    return failures


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restart_of_postgresql_is_survived(deployment, folder, postgres, mode):
    with behind_nginx(deployment, folder) as (_, front):
        with Load(front, deployment.sessions, rate=60) as load:
            time.sleep(4)
            down = time.monotonic()
            postgres.stop(mode)
            try:
                time.sleep(2)
            finally:
                postgres.start()
            back = time.monotonic()
            time.sleep(6)
        failures = while_it_is_down(load, down, back)
        assert failures
        load.check_items(postgres, deployment.database)
        name = deployment.project.answers["interface"]
        report(
            f"{name}, PostgreSQL stopped ({mode}) and back after {back - down:.1f} s: {len(failures)} requests failed,"
        )
        report(f"all meanwhile, and what was acknowledged is there: {load.numbers()}")


class Page:
    """A user's open page: like live.js it reconnects a second after its WebSocket has closed."""

    def __init__(self):
        self.opened = []
        self.messages = []

    async def show(self, front, key):
        while True:
            with contextlib.suppress(OSError, websockets.exceptions.WebSocketException):
                async with live(front, key) as connection:
                    self.opened.append(time.monotonic())
                    async for message in connection:
                        self.messages.append(json.loads(message)["id"])
            await asyncio.sleep(1)


async def becomes_true(holds, pages):
    limit = time.monotonic() + LIMIT
    while not all(map(holds, pages)):
        assert time.monotonic() < limit, [(page.opened, page.messages) for page in pages]
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("outage", [0, 4])
@pytest.mark.parametrize("saves", [False, True], ids=["forgets", "saves"])
def test_a_restart_of_redis_is_survived(asgi, folder, postgres, saves, outage):
    key, *others = asgi.sessions

    async def run(front, redis):
        pages = [Page() for _ in range(PAGES)]
        tasks = [asyncio.create_task(page.show(front, key)) for page in pages]
        await becomes_true(lambda page: page.opened, pages)
        number = await create(front, key, "Before")
        await becomes_true(lambda page: page.messages == [number], pages)
        down = time.monotonic()
        redis.stop()
        await asyncio.sleep(outage)
        redis.start()
        back = time.monotonic()
        # Each page reconnects and so reloads its list, because it received no messages during the outage.
        await becomes_true(lambda page: page.opened[-1] > back, pages)
        caught_up = max(page.opened[-1] for page in pages) - back
        asked = time.monotonic()
        number = await create(front, key, "After")
        # A page whose WebSocket closed once more has reloaded its list after it reconnected.
        await becomes_true(lambda page: page.messages[-1] == number or page.opened[-1] > asked, pages)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        return down, back, caught_up

    with Redis(folder, saves) as redis, behind_nginx(asgi, folder, REDIS_URL=redis.url) as (_, front):
        with Load(front, others[:50], 10, ["/items/"]) as pages, Load(front, others[50:], 10) as load:
            down, back, caught_up = asyncio.run(run(front, redis))
            time.sleep(2)
        assert [answer for answer in pages.failures() if answer.method == "GET"] == []
        failures = while_it_is_down(load, down, back)
        load.check_items(postgres, asgi.database)
        report(f"Redis away for {back - down:.1f} s: pages answered, {len(failures)} requests of the API failed, all")
        report(f"meanwhile; the last of {PAGES} open pages had reconnected {caught_up:.1f} s after it was back")
