"""What `manage.py check` says about how this server is reached.

Django's own four TLS warnings fire on every server without TLS, a laptop's loopback included, and a
warning that always fires is read by nobody. Ours fire when somebody else can reach the server.
"""

import ipaddress
import stat
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks


class Safety(AppConfig):
    """Lets Django find the checks below; config has no rows of its own."""

    name = "config"

    def ready(self) -> None:
        checks.register(others_reach_it_over_tls_only, checks.Tags.security)
        checks.register(others_see_no_debugging, checks.Tags.security)
        checks.register(the_key_is_ours_alone, checks.Tags.security)


def hosts_of_others() -> list[str]:
    """The names we answer to that aren't this machine's own loopback."""
    return [host for host in settings.ALLOWED_HOSTS if not _is_loopback(host)]


def _is_loopback(host: str) -> bool:
    name = host.strip("[]").lower()
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def others_reach_it_over_tls_only(**_: Any) -> list[checks.CheckMessage]:
    hosts = hosts_of_others()
    if settings.SERVED_OVER_TLS or not hosts:
        return []
    return [
        checks.Warning(
            f"ALLOWED_HOSTS names {', '.join(hosts)}, and SERVED_OVER_TLS is no: passwords and "
            "sessions travel in the clear.",
            hint="Put a proxy that speaks TLS in front; docs/deploy.md says how.",
            id="penumbra.W001",
        )
    ]


def others_see_no_debugging(**_: Any) -> list[checks.CheckMessage]:
    hosts = hosts_of_others()
    if not settings.DEBUG or not hosts:
        return []
    return [
        checks.Error(
            f"DEBUG is on, and ALLOWED_HOSTS names {', '.join(hosts)}: an error page would show "
            "them the code and the settings.",
            hint="Leave DEBUG away.",
            id="penumbra.E001",
        )
    ]


def the_key_is_ours_alone(**_: Any) -> list[checks.CheckMessage]:
    path = settings.VAR_DIR / "secret_key"
    if not path.exists() or not (mode := stat.S_IMODE(path.stat().st_mode)) & 0o077:
        return []
    return [
        checks.Warning(
            f"{path} has the mode {mode:o}: others on this machine can read the key that signs "
            "sessions.",
            hint=f"chmod 600 {path}",
            id="penumbra.W002",
        )
    ]
