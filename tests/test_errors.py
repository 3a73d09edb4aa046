from stateserver.errors import StateServerError


def test_an_error_says_what_is_wrong_and_what_to_do() -> None:
    error = StateServerError("the disk is full", "make room")
    assert (error.message, error.hint) == ("the disk is full", "make room")
    assert str(error) == "the disk is full (make room)"


def test_an_error_without_anything_to_do_is_its_message() -> None:
    assert str(StateServerError("the disk is full")) == "the disk is full"
