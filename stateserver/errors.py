"""The one base class of every trouble that State Server can name."""


class StateServerError(Exception):
    """Something went wrong in a way that we foresaw and can explain.

    `message` says what is wrong, `hint` what to do about it ("" where there is nothing to do).
    Neither may hold a secret: both are logged and shown to people. A subclass for each trouble.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message
