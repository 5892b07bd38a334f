"""What the domain refuses: a stable code for programs, a sentence for people."""


class Refused(Exception):
    """A request that cannot be met as asked; config.api_errors turns it into an HTTP answer."""

    def __init__(self, code: str, detail: str, *, status: int = 400) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.status = status


class NotFound(Refused):
    """What was named is not there, or not for this person: both read the same from outside."""

    def __init__(self, detail: str) -> None:
        super().__init__("not_found", detail, status=404)


class Conflict(Refused):
    """What was asked contradicts what is already there."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail, status=409)
