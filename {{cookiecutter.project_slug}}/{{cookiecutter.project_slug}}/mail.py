"""Write mail as text and HTML, and send it in the background, so that no request waits for the mail server."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from copy import copy
from threading import BoundedSemaphore

from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.backends import smtp
from django.template.loader import render_to_string
from django.utils.html import escape
from django.utils.safestring import mark_safe

logger = logging.getLogger(__name__)

# Python waits for these threads before it exits, so the queue is short.
threads = ThreadPoolExecutor(2, "mail")
places = BoundedSemaphore(20)

# A name such as "example.com", which anyone can sign up with, becomes no link.
LINK = re.compile(r"https?://([^\s&]|&amp;)*[\w/]")


def attach_html(message: EmailMultiAlternatives) -> EmailMultiAlternatives:
    """Add the text of a message as HTML, with links, in the template mail.html; return the message."""
    # The text is escaped.
    body = mark_safe(LINK.sub(r'<a href="\g<0>">\g<0></a>', escape(message.body)))  # noqa: S308
    html = render_to_string("mail.html", {"subject": message.subject, "body": body})
    message.attach_alternative(html, "text/html")
    return message


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
