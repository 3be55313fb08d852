"""What errors mean over HTTP and in a shell."""

import pytest

from harmonic_stack import errors, problems
from harmonic_stack.problems import error_body, message_of, problem_of, retry_after


def test_an_error_has_openais_four_fields() -> None:
    assert error_body(errors.UnsupportedParameter("logprobs", "the answer is merged")) == {
        "error": {
            "message": "logprobs is not supported here: the answer is merged",
            "type": "invalid_request_error",
            "param": "logprobs",
            "code": "unsupported_parameter",
        }
    }
    assert set(error_body(KeyError("x"))["error"]) == {"message", "type", "param", "code"}


def test_a_request_may_name_its_own_code() -> None:
    body = error_body(errors.BadRequest("messages is empty", "messages", "empty_messages"))["error"]
    assert (body["param"], body["code"]) == ("messages", "empty_messages")
    assert error_body(errors.BadRequest("no JSON"))["error"]["code"] == "invalid_request"


@pytest.mark.parametrize(
    ("error", "status", "exit_code"),
    [
        (errors.ConfigError([]), 500, 2),
        (errors.PortInUse("127.0.0.1", 8420, None), 409, 3),
        (errors.AddressUnusable("10.1.2.3", 80, "Permission denied"), 500, 3),
        (errors.AlreadyRunning(1, None), 409, 3),
        (errors.NotRunning(), 503, 4),
        (errors.AllAgentsFailed({"coder": "cut off"}), 502, 1),
        (errors.ModelNotFound("x", ["harmonic"]), 404, 2),
        (errors.NotAuthorised("missing"), 401, 1),
        (errors.Forbidden("admin"), 403, 1),
        (errors.PayloadTooLarge(2, 1), 413, 1),
        (errors.TooBusy(3), 503, 1),
        (errors.KeyTooBusy(3), 429, 1),
        (RuntimeError("x"), 500, 1),
    ],
)
def test_status_and_exit_code_are_those_of_the_contract(error: Exception, status: int, exit_code: int) -> None:
    assert (problem_of(error).status, problem_of(error).exit_code) == (status, exit_code)


def test_an_unknown_error_keeps_its_text_to_itself() -> None:
    assert "secret prompt" not in str(error_body(ValueError("secret prompt")))
    assert error_body(ValueError("x"))["error"]["code"] == "internal_error"


def test_a_class_that_the_table_does_not_name_is_told_like_its_parent() -> None:
    class Newer(errors.ModelNotFound):
        pass

    assert problem_of(Newer("x", [])) is problems.PROBLEMS[errors.ModelNotFound]


def test_only_a_busy_box_says_when_to_come_back() -> None:
    assert retry_after(errors.TooBusy(0.2)) == 1
    assert retry_after(errors.KeyTooBusy(2.1)) == 3
    assert retry_after(errors.NotRunning()) is None


def test_what_a_caller_wrote_cannot_break_or_fill_a_message() -> None:
    name = "x\r\nSet-Cookie: a\x1b[2J" + "y" * 10_000
    for error in (
        errors.ModelNotFound(name),
        errors.SessionNameInvalid(name),
        errors.QueryNotFound(name),
        errors.HostNotAllowed(name),
        errors.OriginNotAllowed(name),
        errors.RouteNotFound("GET", name),
        errors.UnsupportedMediaType(name),
    ):
        assert str(error).isprintable()
        assert len(message_of(error)) < 400


def test_every_problem_of_a_config_stays_a_line_of_its_own() -> None:
    error = errors.ConfigError([errors.ConfigProblem("a.toml", "x", "is wrong", line=1, column=2)])
    assert message_of(error).splitlines()[0] == "a.toml:1:2 x: is wrong"
