"""What managers did: the only writer of Act, in the transaction of the deed itself."""

from typing import Any

from labeling.models import Act, Campaign, User


def record(
    by: User | None, what: str, about: str, *, campaign: Campaign | None = None, **details: Any
) -> None:
    """Note one deed; `by` is None where the program itself or its owner's terminal did it.

    what     a stable word: "campaign.create", "person.suspend"
    about    the thing's name as it was then
    details  what changed, JSON
    """
    if by is None:
        return
    Act.objects.create(by=by, what=what, about=about[:200], campaign=campaign, details=details)
