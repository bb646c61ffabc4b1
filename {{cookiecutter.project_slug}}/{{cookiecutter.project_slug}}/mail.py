"""Send mail in the background, so that no request waits for the mail server."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from copy import copy
from threading import BoundedSemaphore

from django.core.mail import EmailMessage
from django.core.mail.backends import smtp

logger = logging.getLogger(__name__)

# Python waits for these threads before it exits, so the queue is short.
threads = ThreadPoolExecutor(2, "mail")
places = BoundedSemaphore(20)


class EmailBackend(smtp.EmailBackend):
    """Sends mail in a thread, and logs an error if it cannot be sent."""

    def send_messages(self, email_messages: Iterable[EmailMessage]) -> int:
        messages = list(email_messages)
        if places.acquire(blocking=False):
            # The copy has its own connection; the context has the id of the request for the log.
            threads.submit(copy_context().run, copy(self).send_now, messages)
        else:
            logger.error("Mail is lost: the queue is full.")
        return len(messages)

    def send_now(self, messages: list[EmailMessage]) -> None:
        self.connection = None
        try:
            super().send_messages(messages)
        except Exception:
            logger.exception("Mail is lost: sending it failed.")
        finally:
            places.release()
