"""Shows the last mails about orders at `/demo/mails` of a server in demo mode. They are stored
nowhere: each is shown as it would be sent now."""

from django.core.mail import EmailMultiAlternatives
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from larder.http.pages import read_only
from larder.relay import queries
from larder.worker.mails import Mails, Message
from larder.worker.order_mails import CUSTOMER, SHOP

LATEST = 20
"""Mails that are shown to customers, and to the shop."""

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
"""The Content Security Policy of a mail, which loads nothing."""


def _mails() -> dict[int, EmailMultiAlternatives]:
    """Returns the last mails by the ids of their deliveries, the newest first."""
    channel = Mails()
    deliveries = [
        delivery
        for target in (CUSTOMER, SHOP)
        for delivery in queries.deliveries(channel.name, target, limit=LATEST)
    ]
    deliveries.sort(key=lambda delivery: delivery.id, reverse=True)
    channel.read(deliveries, queries.orders_of(deliveries))
    messages = {delivery.id: channel.prepare(delivery) for delivery in deliveries}
    return {id: message.mail for id, message in messages.items() if isinstance(message, Message)}


@read_only
def page(request: HttpRequest) -> HttpResponse:
    """Returns the list of mails."""
    return render(request, "demo/mails.html", {"mails": _mails()})


@read_only
def mail(request: HttpRequest, id: int) -> HttpResponse:
    """Returns a mail as its recipient sees it. Raises Http404."""
    mails = _mails()
    if id not in mails:
        raise Http404
    html, _ = mails[id].alternatives[0]
    return HttpResponse(html, headers={"Content-Security-Policy": POLICY})
