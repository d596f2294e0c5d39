"""The admin's pages of the second factor: proven after the password, enrolled, removed. A form has
the code of an app, or the answer of a passkey in its place (static/staff/factors.js).

A log-in with the password alone opens a session that has no rights of staff (larder/identity/
queries.py: holding). It leads here, and is over if no factor is proven within PENDING_SECONDS.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.debug import sensitive_post_parameters

from larder.core.clock import now
from larder.core.limits import MAX_KEY_NAME_LENGTH
from larder.http import throttling
from larder.http.addresses import base_url
from larder.http.admin_session import BEGAN, is_confirmed
from larder.http.authentication import FACTOR, proven_factor, secrets
from larder.identity import factors, queries
from larder.identity.caller import Caller
from larder.identity.errors import SecondFactorWrong
from larder.identity.queries import credentials
from larder.identity.services import audit, second_factors
from larder.identity.services.second_factors import Enrolled
from larder.staff import confirming
from larder.staff.confirming import act_on, answered, own_address
from larder.staff.formatting import moment
from larder.staff.pages import themed, words
from larder.staff.recording import CHANNEL, caller_of
from larder.staff.refusals import Sentence, TextForm
from larder.staff.words import gettext_lazy as _

MAX_FACTOR_CODE_LENGTH = 100
"""A code of the second factor as it is typed, with spaces and hyphens."""

PENDING_SECONDS = 600
PASSKEY = "passkey"
"""The field of the form with the answer of the browser."""

CHALLENGE = "passkey_challenge"
"""The key of the admin's session for the challenge of the page that was shown last."""

OFFERED = "offered_secret"
"""The key of the admin's session for the sealed secret that is offered to an app."""

SENTENCES: Mapping[str, Sentence] = {
    "second_factor_wrong": Sentence(
        "code", _("A code or passkey is wrong, was used before, or has expired.")
    ),
    "session_ended": Sentence(None, _("Your session has ended. Log in again.")),
    "last_second_factor": Sentence(
        None, _("Staff of this shop need a second factor. Enrol another one first.")
    ),
    "too_many_passkeys": Sentence(
        None, _("An account has at most {limit} passkeys. Remove one first.")
    ),
}


def _code(label: str) -> forms.CharField:
    attrs = {"autocomplete": "one-time-code", "autofocus": True}
    # Not required: a passkey replaces it.
    return words(label, most=MAX_FACTOR_CODE_LENGTH, required=False, attrs=attrs)


class CodeForm(forms.Form):
    """A code of the app, or a recovery code."""

    code = _code(_("Code of your app, or a recovery code"))


class EnrolForm(TextForm, forms.Form):
    """A new factor: the first code of an app, or the name of a passkey. `remove` is the factor of
    the button that removes one."""

    code = _code(_("Code that the app shows"))
    remove = forms.UUIDField(required=False)
    name = words(
        _("Name of the passkey"),
        most=MAX_KEY_NAME_LENGTH,
        required=False,
        help_text=_("Such as the device that keeps it. An app needs none."),
    )


def is_pending(request: HttpRequest) -> bool:
    """Returns whether this session of a member of staff has to prove the second factor yet."""
    user = request.user
    if not (user.is_authenticated and user.is_active and user.is_staff):
        return False
    return queries.rights(user.pk, proven_factor(request)).needs_factor


def to_page(request: HttpRequest) -> HttpResponseRedirect:
    """Returns a redirect to the page, which leads on to the page that was requested first."""
    after = request.POST.get("next") or request.GET.get("next") or ""
    return HttpResponseRedirect(f"{reverse('second_factor')}?{urlencode({'next': after})}")


@sensitive_post_parameters()
def page(request: HttpRequest) -> HttpResponse:
    """Proves the factor of a log-in, or enrols one; else shows the factors of the account."""
    user = request.user
    if not (user.is_authenticated and user.is_active and user.is_staff):
        return HttpResponseRedirect(reverse("admin:login"))
    rights = queries.rights(user.pk, proven_factor(request))
    if not rights.needs_factor:
        is_sure = is_confirmed(request)
        return _answer(request, has_factor=False) if is_sure else confirming.to_page(request)
    if not 0 <= now().timestamp() - request.session.get(BEGAN, 0) <= PENDING_SECONDS:
        logout(request)
        return HttpResponseRedirect(reverse("admin:login"))
    return _answer(request, has_factor=rights.has_factor)


def _attempt(request: Any) -> Any:
    return throttling.attempted(request, "second factor", str(request.user.pk))


def _answer(request: Any, *, has_factor: bool) -> HttpResponse:
    """Proves a factor that there is; else enrols one, or does what another button says."""
    sent = request.POST if request.method == "POST" else None
    form, act = (CodeForm(sent), _prove) if has_factor else (EnrolForm(sent), _enrol)
    return act_on(request, form, act, show=_show, sentences=SENTENCES)


def _prove(request: Any, fields: Any) -> HttpResponse:
    caller = caller_of(request)
    with _attempt(request):
        answer = _sent(request)
        if answer is None:
            code = fields["code"]
            factor = second_factors.prove(caller, code, secrets=secrets(), now=now())
        else:
            factor = second_factors.prove_passkey(caller, answer, now=now())
    _mark(request, factor)
    return HttpResponseRedirect(own_address(request))


def _mark(request: Any, factor: UUID) -> None:
    """Marks the session, whose key changes, with the factor that was proven."""
    request.session.cycle_key()
    request.session[FACTOR] = str(factor)


def _enrol(request: Any, fields: Any) -> HttpResponse:
    caller = caller_of(request)
    with audit.acting(caller.public_id, CHANNEL):
        recovery = _act(request, caller, fields)
    return _show(request, None, recovery)


def _act(request: Any, caller: Caller, fields: Any) -> Sequence[str]:
    if fields["remove"]:
        second_factors.remove(caller, fields["remove"])
        return ()
    if "renew" in request.POST:
        return second_factors.renew_recovery_codes(caller, now=now())
    with _attempt(request):
        enrolled = _enrolled(request, caller, fields)
    request.session.pop(OFFERED, None)
    _mark(request, enrolled.factor)
    return enrolled.recovery_codes


def _enrolled(request: Any, caller: Caller, fields: Any) -> Enrolled:
    answer = _sent(request)
    if answer is None:
        secret, code = _offered(request), fields["code"]
        return second_factors.enrol_app(caller, secret, code, secrets=secrets(), now=now())
    return second_factors.enrol_passkey(caller, answer, fields["name"] or "Passkey", now=now())


def _offered(request: Any) -> bytes:
    """Returns the secret that the session offers to an app until one is enrolled."""
    sealed = str(request.session.get(OFFERED, "")).encode()
    secret = factors.unseal(sealed, request.user.public_id, secrets())
    if secret is None:
        secret = factors.new_secret()
        sealed = factors.seal(secret, request.user.public_id, secrets())
        request.session[OFFERED] = sealed.decode()
    return secret


def _show(request: Any, form: forms.Form | None, recovery: Sequence[str] = ()) -> HttpResponse:
    """Returns the page: the form with the QR code of its secret, or new recovery codes."""
    context: dict[str, Any] = {"form": form, "codes": recovery}
    if isinstance(form, CodeForm):
        context["passkey"] = _offer(request, "get")
    elif form is not None:
        context["passkey"] = _offer(request, "create")
        context["factors"] = [
            (
                factor.id,
                factor.name or gettext("Authenticator app"),
                moment(factor.created_at),
                moment(factor.last_used_at),
            )
            for factor in credentials.factors(request.user.pk)
        ]
        secret, name = _offered(request), request.user.username
        context["secret"], context["qr_code"] = factors.offered(
            secret, account=name, issuer=request.get_host()
        )
    title = gettext("Second factor")
    return answered(themed(request, "staff/second_factor.html", title, **context))


def _offer(request: Any, act: Literal["create", "get"]) -> dict[str, str] | None:
    """Returns what the page tells its script: whether it makes a passkey (`create`) or uses one
    (`get`), on which origin, and the options as JSON; without these where browsers offer no
    passkeys. Keeps a new challenge in place of the former one. None for an account without passkeys
    that could be used."""
    user, origin = request.user, factors.origin_of(base_url(request))
    known = credentials.passkeys(user.pk)
    if act == "get" and not known:
        return None
    if origin is None:
        return {"act": act}
    challenge = factors.new_challenge()
    request.session[CHALLENGE] = challenge.hex()
    if act == "get":
        options = factors.request_options(origin, challenge, known)
    else:
        options = factors.creation_options(origin, challenge, user.public_id, user.username, known)
    return {"act": act, "origin": origin, "options": json.dumps(options)}


def _sent(request: Any) -> factors.Answer | None:
    """Returns the answer of a passkey; None if the form has none. The challenge is used up.
    Raises SecondFactorWrong where browsers offer no passkeys."""
    text = request.POST.get(PASSKEY)
    if not text:
        return None
    origin = factors.origin_of(base_url(request))
    challenge = request.session.pop(CHALLENGE, None)
    if origin is None:
        raise SecondFactorWrong
    return factors.Answer(origin, None if challenge is None else bytes.fromhex(challenge), text)
