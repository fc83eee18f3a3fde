"""E-mails with the logo inside."""

from email.mime.image import MIMEImage
from functools import lru_cache
from pathlib import Path

from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string


@lru_cache
def logo_data() -> MIMEImage:
    """The logo as an inline attachment. The paths are relative to the project directory."""
    path = Path("web/icons/logo.png")
    if not path.exists():
        path = Path("web/dist/assets/icons/logo.png")
    logo = MIMEImage(path.read_bytes())
    logo.add_header("Content-ID", "<logo>")
    logo.add_header("Content-Disposition", "inline", filename="logo.png")
    return logo


def welcome(to: str, name: str) -> EmailMultiAlternatives:
    """The first e-mail that a user gets."""
    message = EmailMultiAlternatives(subject=f"Welcome, {name}", body=f"Welcome, {name}.", to=[to])
    html = render_to_string("email/welcome.html", {"name": name})
    message.attach_alternative(html, "text/html")
    message.attach(logo_data())
    return message
