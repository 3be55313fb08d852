"""The routes that answer at length: plain ASGI callables by path, all for POST."""

from collections.abc import Awaitable, Callable

from harmonic_stack.api.answer_route import AnswerRoute
from harmonic_stack.api.answering import Answering
from harmonic_stack.api.asgi import Receive, Scope, Send
from harmonic_stack.api.chat import read_chat_completion
from harmonic_stack.api.chat_request import Reader
from harmonic_stack.api.completions import read_completion
from harmonic_stack.api.embeddings import EmbeddingsRoute
from harmonic_stack.api.messages import CountRoute, read_message
from harmonic_stack.api.response_store import ResponseStore
from harmonic_stack.api.responses import ResponsesRoute
from harmonic_stack.daemon import Daemon

# Answers one request of the key whose id comes last; errors before the first byte are raised.
PlainRoute = Callable[[Scope, Receive, Send, str], Awaitable[None]]


def plain_routes(daemon: Daemon) -> dict[str, PlainRoute]:
    """The plain routes of a running daemon."""
    answering = Answering(daemon.orchestrator, daemon.config)
    reader = Reader(daemon.names, daemon.config, daemon.features)
    embeddings = EmbeddingsRoute(daemon.names, daemon.config, daemon.orchestrator, daemon.encoders)
    return {
        "/v1/chat/completions": AnswerRoute(answering, reader, read_chat_completion),
        "/v1/completions": AnswerRoute(answering, reader, read_completion),
        "/v1/embeddings": embeddings,
        "/v1/messages": AnswerRoute(answering, reader, read_message),
        "/v1/messages/count_tokens": CountRoute(reader),
        "/v1/responses": ResponsesRoute(answering, reader, ResponseStore(daemon.bus)),
    }
