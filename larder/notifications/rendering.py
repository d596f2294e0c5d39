"""Makes mails from templates (larder/notifications/mails).

A kind of mail is one file with the blocks `subject` and `text`. It is rendered three times, within
the layouts of the subject, of the text and of the HTML, so that all say the same.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from django.core.mail import EmailMultiAlternatives
from django.template import Context, Engine, TemplateSyntaxError

FOLDER = Path(__file__).parent / "mails"


@cache
def engine(own: str) -> Engine:
    """Returns Django's engine for the templates, of which a shop's `own` folder comes first."""
    folders = [*filter(None, [own]), str(FOLDER)]
    return Engine(folders, builtins=["django.templatetags.i18n"])


def faults(own: str) -> Iterator[str]:
    """Yields what is wrong with the templates of a shop's own folder."""
    if own and not Path(own).is_dir():
        yield f"there is no folder {own}"
    for file in sorted(FOLDER.iterdir()):
        try:
            engine(own).get_template(file.name)
        except TemplateSyntaxError as error:
            yield f"{file.name}: {error}"


def render(kind: str, context: Mapping[str, Any], *, to: str, own: str) -> EmailMultiAlternatives:
    """Returns the mail of a kind, in the current language. Raises what its template raises."""
    template = engine(own).get_template(f"{kind}.html")

    def part(layout: str, *, autoescape: bool = False, **more: Any) -> str:
        values = {**context, "layout": layout, **more}
        return str(template.render(Context(values, autoescape=autoescape))).strip()

    subject = " ".join(part("subject.txt").split())
    text = re.sub(r"\n{3,}", "\n\n", part("base.txt"))
    mail = EmailMultiAlternatives(subject, f"{text}\n", to=[to])
    mail.attach_alternative(part("base.html", autoescape=True, subject=subject), "text/html")
    return mail
