from functools import partial

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from {{ cookiecutter.app_name }}.consumers import group_of
from {{ cookiecutter.app_name }}.models import Item


def announce(event, item_id, owner_id):
    message = {"type": "item.changed", "event": event, "id": item_id}
    async_to_sync(get_channel_layer().group_send)(group_of(owner_id), message)


# Robust: the change is committed, so a channel layer that is down must not turn it into an error.
@receiver(post_save, sender=Item)
def announce_saved(instance, **kwargs):
    transaction.on_commit(partial(announce, "saved", instance.pk, instance.owner_id), robust=True)


@receiver(post_delete, sender=Item)
def announce_deleted(instance, **kwargs):
    transaction.on_commit(partial(announce, "deleted", instance.pk, instance.owner_id), robust=True)
