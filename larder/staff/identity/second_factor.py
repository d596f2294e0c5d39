"""The admin's pages of the second factor: proven after the password, enrolled, removed. A form has
the code of an app, or the answer of a passkey in its place.

A log-in with the password alone opens a session that has no rights of staff (larder/identity/
queries.py: holding). It leads here, and is over if no factor is proven within PENDING_SECONDS.
"""

from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

from django import forms
from django.contrib import admin
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.views.decorators.debug import sensitive_post_parameters
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from larder.core.clock import now
from larder.core.errors import DomainError, NotFound, Overloaded
from larder.core.limits import (
    MAX_FACTOR_CODE_LENGTH,
    MAX_KEY_NAME_LENGTH,
    MAX_PASSKEYS,
    MAX_SEALED_FACTOR_LENGTH,
)
from larder.http import problems
from larder.http.admin_session import BEGAN
from larder.http.authentication import FACTOR, proven_factor, secrets
from larder.http.client_address import address_of
from larder.identity import queries
from larder.identity.errors import SecondFactorWrong, WrongPassword
from larder.identity.factors import codes
from larder.identity.queries import Rights
from larder.identity.queries import factors as factor_queries
from larder.identity.services import audit, second_factors
from larder.identity.services.rates import RateLimited
from larder.identity.services.rates.attempts import attempt
from larder.identity.services.second_factors import (
    Account,
    Enrolled,
    Enrolment,
    PasskeyEnrolment,
)
from larder.staff.confirming import TOO_MANY
from larder.staff.formatting import moment
from larder.staff.identity import passkeys
from larder.staff.language import gettext_lazy as _
from larder.staff.pages import words
from larder.staff.recording import CHANNEL
from larder.staff.refusals import TextForm

PENDING_SECONDS = 600

BUSY = (RateLimited, Overloaded)
"""Refusals that are answered with their status; with others the page is shown again, as a form with
a mistake."""

SENTENCES = {
    "second_factor_wrong": _("A code or passkey is wrong, was used before, or has expired."),
    "wrong_password": _("The password is wrong."),
    "last_second_factor": _("Staff of this shop need a second factor. Enrol another one first."),
    "too_many_passkeys": _("An account has at most {} passkeys. Remove one first."),
    "not_found": _("This does not exist any more."),
    "session_ended": _("Your session has ended. Log in again."),
    "overloaded": _("The server is busy. Try again in a moment."),
}


def _text(label: str, **options: Any) -> forms.CharField:
    attrs = {"autocomplete": "one-time-code", "autofocus": True}
    widget = UnfoldAdminTextInputWidget(attrs=attrs)
    return forms.CharField(label=label, max_length=MAX_FACTOR_CODE_LENGTH, widget=widget, **options)


def _name() -> forms.CharField:
    text = _("Such as the device that keeps it. An app needs none.")
    label = _("Name of the passkey")
    return words(label, most=MAX_KEY_NAME_LENGTH, required=False, help_text=text)


class CodeForm(forms.Form):
    """A code of the app, or a recovery code. Not required with a passkey."""

    code = _text(_("Code of your app, or a recovery code"))


class FirstForm(TextForm, forms.Form):
    """A first factor, for an account that has proven its password alone."""

    sealed = forms.CharField(max_length=MAX_SEALED_FACTOR_LENGTH, widget=forms.HiddenInput)
    code = _text(_("Code that the app shows"))
    name = _name()


class OwnForm(TextForm, forms.Form):
    """A factor, for an account that may use the admin already. Needs the password again."""

    password = forms.CharField(
        label=_("Your password"),
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password"}),
    )
    sealed = forms.CharField(max_length=MAX_SEALED_FACTOR_LENGTH, widget=forms.HiddenInput)
    code = _text(_("Code that the app shows"), required=False)
    name = _name()


def is_pending(request: HttpRequest) -> bool:
    """Returns whether this session of a member of staff has to prove the second factor yet."""
    user = request.user
    if not (user.is_authenticated and user.is_active and user.is_staff):
        return False
    return queries.rights(user.pk, proven_factor(request)).needs_factor


def to_page(request: HttpRequest) -> HttpResponseRedirect:
    """Returns a redirect to the page, which leads on to the page that was requested first."""
    after = request.POST.get("next") or request.GET.get("next") or ""
    query = HttpRequest().GET.copy()
    query["next"] = after
    return HttpResponseRedirect(f"{reverse('second_factor')}?{query.urlencode()}")


@sensitive_post_parameters()
def page(request: HttpRequest) -> HttpResponse:
    """Proves the factor of a log-in, or enrols one; else shows the factor of the account."""
    user = request.user
    if not (user.is_authenticated and user.is_active and user.is_staff):
        return HttpResponseRedirect(reverse("admin:login"))
    found = queries.rights(user.pk, proven_factor(request))
    if not found.needs_factor:
        return _own(request, found)
    if not 0 <= now().timestamp() - request.session.get(BEGAN, 0) <= PENDING_SECONDS:
        logout(request)
        return HttpResponseRedirect(reverse("admin:login"))
    return _prove(request) if found.has_factor else _enrol(request)


def _account(request: Any) -> Account:
    user = request.user
    return Account(user.pk, user.public_id, secrets(), user.session_epoch)


def _attempt(request: Any) -> Any:
    address = address_of(request)
    return attempt("second factor", account=str(request.user.pk), address=address)


def _prove(request: Any) -> HttpResponse:
    form = _bound(request, CodeForm) if request.method == "POST" else CodeForm()
    if form.is_valid():
        try:
            factor = _proof(request, form.cleaned_data["code"])
        except DomainError as refusal:
            return _refused(request, form, refusal)
        return _proven(request, str(factor))
    return _show(request, form)


def _proof(request: Any, typed: str) -> UUID:
    """Returns the factor of the passkey or code that was sent. Raises SecondFactorWrong."""
    with _attempt(request):
        answer, account = passkeys.sent(request), _account(request)
        if answer is None:
            return second_factors.prove(account, typed, now=now())
        return second_factors.prove_passkey(account, answer, now=now())


def _bound(request: Any, kind: type[forms.Form]) -> forms.Form:
    form = kind(request.POST)
    if request.POST.get(passkeys.SENT):
        form.fields["code"].required = False
    return form


def _proven(request: Any, factor: str) -> HttpResponse:
    """Marks the session, whose key changes, and leads on."""
    request.session.cycle_key()
    request.session[FACTOR] = factor
    after = request.GET.get("next", "")
    is_here = url_has_allowed_host_and_scheme(
        after, {request.get_host()}, require_https=request.is_secure()
    )
    return HttpResponseRedirect(after if is_here else reverse("admin:index"))


def _enrol(request: Any) -> HttpResponse:
    form = _offered(request, FirstForm)
    if form.is_bound and form.is_valid():
        try:
            made = _enrolled(request, form.cleaned_data)
        except DomainError as refusal:
            return _refused(request, form, refusal)
        _proven(request, str(made.factor))
        return _show(request, None, recovery=made.recovery_codes)
    return _show(request, form)


def _enrolled(request: Any, given: Any) -> Enrolled:
    """Enrols the passkey that was sent, or else the app."""
    account, proven = _account(request), proven_factor(request)
    with _attempt(request):
        answer = passkeys.sent(request)
        if answer is None:
            app = Enrolment(given["sealed"], given["code"], proven=proven)
            return second_factors.enrol_app(account, app, now=now())
        passkey = PasskeyEnrolment(answer, given["name"] or "Passkey", proven)
        return second_factors.enrol_passkey(account, passkey, now=now())


def _offered(request: Any, kind: type[forms.Form]) -> forms.Form:
    """Returns the form, with a new secret unless it was sent."""
    if request.method == "POST":
        return _bound(request, kind)
    account = _account(request)
    secret = codes.new_secret()
    sealed = codes.seal(secret, account.public_id, account.secrets, now=now())
    return kind(initial={"sealed": sealed.decode()})


def _own(request: Any, found: Rights) -> HttpResponse:
    form = _offered(request, OwnForm)
    if form.is_bound and form.is_valid():
        try:
            recovery = _act(request, form.cleaned_data)
        except DomainError as refusal:
            return _refused(request, form, refusal, own=found)
        return _show(request, None, recovery=recovery, own=found)
    return _show(request, form, own=found)


def _act(request: Any, given: Any) -> Sequence[str]:
    """Does what the pressed button says. Returns recovery codes to show."""
    user, account, proven = request.user, _account(request), proven_factor(request)
    address = address_of(request)
    with attempt("log in", account=user.username, address=address, is_proven=True):
        if not user.check_password(given["password"]):
            raise WrongPassword
    with audit.acting(user.public_id, CHANNEL):
        if "remove" in request.POST:
            second_factors.remove(account, _id(request.POST["remove"]), proven=proven)
            return ()
        if "renew" in request.POST:
            return second_factors.renew_recovery_codes(account, proven=proven, now=now())
        made = _enrolled(request, given)
    _proven(request, str(made.factor))
    return made.recovery_codes


def _id(text: str) -> UUID:
    """Returns the id of a factor. Raises NotFound if the text is none."""
    try:
        return UUID(text)
    except ValueError as error:
        raise NotFound from error


def _refused(
    request: Any, form: forms.Form, refusal: DomainError, own: Rights | None = None
) -> HttpResponse:
    if isinstance(refusal, SecondFactorWrong):
        # Once in an hour: a sign that the password is known to others.
        by = audit.Acting(request.user.public_id, CHANNEL)
        audit.record_refusal(by, "admin:second_factor", "")
    text = SENTENCES.get(refusal.code, refusal.code).format(MAX_PASSKEYS)
    if isinstance(refusal, RateLimited):
        text = TOO_MANY.format(refusal.retry_after)
    form.add_error(None, text)
    answer = _show(request, form, own=own)
    return problems.mark(answer, refusal) if isinstance(refusal, BUSY) else answer


def _show(
    request: Any, form: forms.Form | None, recovery: Sequence[str] = (), own: Rights | None = None
) -> HttpResponse:
    """Returns the page: the form with the QR code of its secret, or new recovery codes."""
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": gettext("Second factor"),
        "form": form,
        "codes": recovery,
        "own": own,
        "factors": _factors(request.user.pk) if own else (),
    }
    if form is not None:
        act: Literal["create", "get"] = "get" if isinstance(form, CodeForm) else "create"
        context["passkey"] = passkeys.offer(request, act)
    if form is not None and "sealed" in form.fields:
        account = _account(request)
        sealed = str(form["sealed"].value() or "").encode(errors="replace")
        secret = codes.unseal(sealed, account.public_id, account.secrets)
        if secret is not None:
            name, issuer = request.user.username, request.get_host()
            uri = codes.provisioning_uri(secret, account=name, issuer=issuer)
            context["secret"] = codes.secret_text(secret)
            context["qr_code"] = codes.qr_code(uri)
    return TemplateResponse(request, "staff/second_factor.html", context)


def _factors(customer: int) -> Sequence[tuple[UUID, str, str, str]]:
    """Returns of each factor its id, what it is, and when it was enrolled and used last."""
    return [
        (
            one.id,
            one.name or gettext("Authenticator app"),
            moment(one.created_at),
            moment(one.last_used_at),
        )
        for one in factor_queries.factors(customer)
    ]
