"""What MLflow's scoring server lacks: a limit on a request's length, answers of one sentence, a line in the log.

The server reads a body of any length, answers with the whole input or a traceback in the message, and fails (500) on a
request without a content type. It has no place for a middleware, so this module steps in front of its one function
that turns exceptions into answers. The model asks for it when a server loads it; nothing else of MLflow is touched, and
where a future MLflow has no such function, its own answers are given (a test would tell).
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from chronoslide.serving.request import REQUEST_LIMIT, Limits

LOGGER = logging.getLogger("chronoslide.serving")
_HOOK = "_async_catch_mlflow_exception"
_MOST_CHARACTERS = 400
# A client that sends somewhat too much is heard out, because it would not read an answer while it sends.
_HEARD_OUT = 4

Handler = Callable[[Any], Awaitable[Any]]


def install(limits: Limits) -> bool:
    """Steps in front of the scoring server of this process, which is about to be made.

    Returns:
        Whether there is one to step in front of.
    """
    from mlflow.pyfunc import scoring_server

    if not hasattr(scoring_server, _HOOK):
        return False
    setattr(scoring_server, _HOOK, lambda handler: guarded(handler, limits))
    return True


def guarded(handler: Handler, limits: Limits) -> Handler:
    """The server's handler with limit, plain answers and a log line.

    Args:
        handler: Takes a Starlette request and gives a response, or raises MLflow's exceptions.
        limits: How long a body may be.
    """
    from mlflow.exceptions import MlflowException
    from starlette.requests import Request
    from starlette.responses import Response

    def answer(status: int, sentence: str, code: str) -> Response:
        return Response(json.dumps({"error_code": code, "message": sentence}), status, media_type="application/json")

    async def respond(request: Request) -> tuple[Response, int]:
        body = await _body(request, limits.request_bytes)
        if body is None:
            sentence = (
                f"The request has more than {limits.request_bytes} bytes ({REQUEST_LIMIT}); cut the scene, or raise "
                "the limit."
            )
            return answer(413, sentence, "REQUEST_TOO_LARGE"), limits.request_bytes
        if not request.headers.get("content-type"):
            return answer(415, "No Content-Type; send application/json.", "INVALID_PARAMETER_VALUE"), len(body)
        try:
            return await handler(_again(request, body)), len(body)
        except MlflowException as error:
            status = int(error.get_http_status_code())  # type: ignore[no-untyped-call]
            return answer(min(status, 499), one_sentence(error.message), error.error_code), len(body)
        except (ValueError, TypeError, LookupError, RecursionError, AttributeError) as error:
            # MLflow's parsing of what is JSON, but none of its forms.
            LOGGER.info("MLflow could not parse a request: %r", error)
            sentence = "The request is in none of the forms that MLflow's server takes, such as dataframe_records."
            return answer(400, sentence, "BAD_REQUEST"), len(body)

    @wraps(handler)
    async def wrapper(request: Request) -> Response:
        begin = time.perf_counter()
        response, size = await respond(request)
        milliseconds = 1000 * (time.perf_counter() - begin)
        LOGGER.info("request bytes=%d status=%d milliseconds=%.0f", size, response.status_code, milliseconds)
        return response

    return wrapper


def one_sentence(message: str) -> str:
    """MLflow's message without the data, the traceback and the history that it wraps around the reason."""
    reason = message.rpartition("\nError: ")[2]
    if "Failed to enforce schema" in reason:  # what follows names data and schema at length, the reason last
        reason = f"The request does not fit the model's signature. {reason.rpartition('. Error: ')[2]}"
    reason = reason.partition("\nInput:")[0].partition("\nTraceback")[0].partition(" IMPORTANT:")[0]
    reason = " ".join(reason.split())
    return reason if len(reason) <= _MOST_CHARACTERS else f"{reason[:_MOST_CHARACTERS]} ..."


async def _body(request: Any, most: int) -> bytes | None:
    """The request's body, or None if it is longer than `most`; never more than that is kept."""
    parts: list[bytes] = []
    length = 0
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > _HEARD_OUT * most:
        return None
    async for part in request.stream():
        length += len(part)
        if length <= most:
            parts.append(part)
        elif length > _HEARD_OUT * most:
            return None
        else:
            parts.clear()
    return b"".join(parts) if length <= most else None


def _again(request: Any, body: bytes) -> Any:
    """The same request with its body to be read once more."""
    from starlette.requests import Request

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request(request.scope, receive)
