"""Send a WebSocket message to the owner's open pages after an object is saved or deleted."""

from __future__ import annotations

import asyncio
import logging
from hashlib import sha256
from importlib import import_module
from typing import Any

from asgiref.sync import async_to_sync
from channels.auth import get_user
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.layers import get_channel_layer
from django.conf import settings
from django.contrib.auth.signals import user_logged_out
from django.db import transaction
from django.db.models import Model
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.http import HttpRequest

from {{ cookiecutter.project_slug }}.handlers import server_loop

logger = logging.getLogger(__name__)

SIGNED_OUT = 4401


def group_of(model: type[Model], user_id: int) -> str:
    """Return the name of the channel group for this user's objects of a model."""
    return f"{model._meta.label_lower}.{user_id}"


def group_of_session(key: str) -> str:
    """Return the name of the channel group for a session: a hash, because the key of a session is a secret."""
    return f"session.{sha256(key.encode()).hexdigest()}"


class LiveConsumer(AsyncJsonWebsocketConsumer):
    """
    Tells a signed-in user which of their objects of a model have changed.

    Each message is {"event": "saved" or "deleted", "id": <primary key>}. Messages from the page are ignored. After the
    session has ended, the socket closes with the code SIGNED_OUT, at the latest before the next message.
    """

    def __init__(self, model: type[Model]) -> None:
        super().__init__()
        self.model = model

    async def connect(self) -> None:
        scope: Any = self.scope
        user, session = scope["user"], scope["session"]
        if not user.is_authenticated:
            await self.close()
            return
        for group in group_of(self.model, user.pk), group_of_session(session.session_key):
            # Channels leaves these groups when the socket closes.
            self.groups.append(group)
            await self.channel_layer.group_add(group, self.channel_name)
        await self.accept()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: Any) -> None:
        pass

    async def is_signed_in(self) -> bool:
        # Loads the session again, because the scope still holds the one from the handshake.
        scope: Any = self.scope
        key = scope["session"].session_key
        loaded: Any = {"session": import_module(settings.SESSION_ENGINE).SessionStore(key)}
        return bool(await get_user(loaded) == scope["user"])

    async def object_changed(self, message: dict[str, Any]) -> None:
        if await self.is_signed_in():
            await self.send_json({"event": message["event"], "id": message["id"]})
        else:
            await self.close(SIGNED_OUT)

    async def session_ended(self, message: dict[str, Any]) -> None:
        await self.close(SIGNED_OUT)


async def send(group: str, message: dict[str, Any]) -> None:
    """Send a message to all sockets of a group. Log an error, because what the message is about has been committed."""
    try:
        layer: Any = get_channel_layer()
        # A channel layer that does not answer must not block a command.
        await asyncio.wait_for(layer.group_send(group, message), 1)
    except Exception:
        logger.exception("A message to open pages was not sent.")


def tell(group: str, message: dict[str, Any]) -> None:
    """Send a message to all sockets of a group when the current transaction is committed."""

    def start() -> None:
        loop = server_loop.get(None)
        if loop and loop.is_running():
            # The request does not wait for the channel layer.
            asyncio.run_coroutine_threadsafe(send(group, message), loop)
        else:
            async_to_sync(send)(group, message)

    transaction.on_commit(start)


@receiver(user_logged_out)
def end_session(request: HttpRequest, **kwargs: Any) -> None:
    if request.session.session_key:
        tell(group_of_session(request.session.session_key), {"type": "session.ended"})


def announce(event: str, instance: Model, user_id: int) -> None:
    """Send an event to this user's open pages when the current transaction is committed."""
    tell(group_of(type(instance), user_id), {"type": "object.changed", "event": event, "id": instance.pk})


def announce_changes(model: type[Model], owner: str) -> None:
    """Send an event for each object of a model that is saved or deleted; `owner` names the field with its user."""

    def saved(instance: Model, **kwargs: Any) -> None:
        announce("saved", instance, getattr(instance, f"{owner}_id"))

    def deleted(instance: Model, **kwargs: Any) -> None:
        announce("deleted", instance, getattr(instance, f"{owner}_id"))

    post_save.connect(saved, sender=model, weak=False)
    post_delete.connect(deleted, sender=model, weak=False)
