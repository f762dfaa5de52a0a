"""Errors in the form of the OpenAI API: a status, and a JSON object that says what is wrong."""

from __future__ import annotations

from pydantic import ValidationError


class ApiError(Exception):
    """An error that a client gets to see.

    >>> ApiError(404, "no model 'x'", param="model").body["error"]["param"]
    'model'
    """

    def __init__(
        self, status: int, message: str, *, param: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code

    @property
    def body(self) -> dict:
        """The JSON object of the response."""
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        error = {"message": self.message, "type": kind, "param": self.param, "code": self.code}
        return {"error": error}

    @classmethod
    def of_validation(cls, error: ValidationError) -> ApiError:
        """Name the first field that is wrong, and what is allowed."""
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"] if not _is_type(part))
        if first["type"] == "extra_forbidden":
            return cls(400, f"{name} is not supported by this server", param=name)
        message = first["msg"].removeprefix("Value error, ")
        if not name:  # of several fields together
            return cls(400, message, param=message.partition(" ")[0])
        got = "" if first["type"] == "missing" else f"; got {str(first['input'])[:60]!r}"
        return cls(400, f"{name}: {message}{got}", param=name)


def _is_type(part: object) -> bool:
    """Return whether a part of a path names an alternative of a union, not a field."""
    return isinstance(part, str) and ("[" in part or part in ("str", "int", "float", "bool"))
