from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from {{ cookiecutter.app_name }}.consumers import group_of
from {{ cookiecutter.app_name }}.models import Item


def announce(event, item):
    """Tell the owner's pages, as soon as the change is committed."""
    group = group_of(item.owner_id)
    message = {"type": "item.changed", "event": event, "id": item.pk}

    def send():
        async_to_sync(get_channel_layer().group_send)(group, message)

    # Robust: the change is committed, so a channel layer that is down must not turn it into an error.
    transaction.on_commit(send, robust=True)


@receiver(post_save, sender=Item)
def announce_saved(instance, **kwargs):
    announce("saved", instance)


@receiver(post_delete, sender=Item)
def announce_deleted(instance, **kwargs):
    announce("deleted", instance)
