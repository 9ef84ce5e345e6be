"""What MLflow's server lacks is added in front of it."""

import asyncio
import json

import pytest
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import scoring_server
from starlette.requests import Request
from starlette.responses import Response

from chronoslide.serving import guard
from chronoslide.serving.request import REQUEST_LIMIT, Limits


def ask(handler: guard.Handler, body: bytes, *, content_type: str | None = "application/json", parts: int = 3):
    """Sends a body in parts through a guarded handler with a limit of 100 bytes."""
    step = max(1, -(-len(body) // parts))
    messages = [
        {"type": "http.request", "body": body[first : first + step], "more_body": first + step < len(body)}
        for first in range(0, max(len(body), 1), step)
    ]
    headers = [(b"content-type", content_type.encode())] if content_type else []

    async def receive() -> dict[str, object]:
        return messages.pop(0)

    scope = {"type": "http", "method": "POST", "path": "/invocations", "headers": headers}
    return asyncio.run(guard.guarded(handler, Limits(100, 1))(Request(scope, receive)))


async def echo(request: Request) -> Response:
    return Response(await request.body())


def test_a_short_request_passes_unchanged() -> None:
    answer = ask(echo, b"x" * 100)
    assert (answer.status_code, answer.body) == (200, b"x" * 100)


@pytest.mark.parametrize("length", [101, 300, 5000])
def test_a_long_request_is_not_kept_and_the_limit_is_named(length: int) -> None:
    answer = ask(echo, b"x" * length)
    assert answer.status_code == 413
    assert REQUEST_LIMIT in json.loads(answer.body)["message"]


def test_a_request_without_content_type_is_told_so() -> None:
    answer = ask(echo, b"{}", content_type=None)
    assert answer.status_code == 415
    assert "application/json" in json.loads(answer.body)["message"]


@pytest.mark.parametrize(
    ("raised", "status", "message"),
    [
        (
            MlflowException("Failed to predict data '[[1 2]\n [3 4]]'. \nError: image: not base64", error_code=1000),
            400,
            "image: not base64",
        ),
        (
            MlflowException("Ensure that input is a valid JSON. Error: 'x'\nInput: \nsecret", error_code=1000),
            400,
            "Ensure that input is a valid JSON. Error: 'x'",
        ),
        (
            MlflowException(
                "Failed to predict data 'x'. \nError: Failed to enforce schema of data 'x' with schema '['image']'. "
                "Error: Model is missing inputs ['image'].",
                error_code=1000,
            ),
            400,
            "The request does not fit the model's signature. Model is missing inputs ['image'].",
        ),
        (MlflowException("inner\nTraceback (most recent call last): File", error_code=1), 499, "inner"),
        (TypeError("bad operand"), 400, None),
    ],
)
def test_an_exception_becomes_one_sentence(raised: Exception, status: int, message: str | None) -> None:
    async def fail(_: Request) -> Response:
        raise raised

    answer = ask(fail, b"{}")
    said = json.loads(answer.body)
    assert answer.status_code == status
    assert set(said) == {"error_code", "message"}
    assert message is None or said["message"] == message
    assert "\n" not in said["message"]


def test_mlflow_still_has_the_place_that_the_guard_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring_server, guard._HOOK, scoring_server._async_catch_mlflow_exception)
    assert guard.install(Limits(100, 1))
