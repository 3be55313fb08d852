"""Hardware -> plan -> running engine: detection, planning, engines behind one protocol, supervised programs."""

from launcher.accounting import papers_plan
from launcher.child import Child, State, clean_environment
from launcher.demo_model import DEMO_NOTE, demo_model, local_model
from launcher.engine import Dialect, Engine, EngineSettings
from launcher.errors import (
    BadModelFile,
    DoesNotFit,
    EngineFailed,
    EngineNotLoadable,
    EngineNotReady,
    EngineUnreachable,
    LauncherError,
    ModelMissing,
    ModelNotFetched,
    ModelNotLoaded,
    ModelNowhere,
    NoModel,
    OllamaMissing,
    OllamaRefused,
    PullFailed,
    UnknownModel,
    UnknownProfile,
)
from launcher.gguf import model_name, read_gguf
from launcher.hardware import detect_hardware
from launcher.ollama_api import OllamaApi, OllamaModel, PullProgress, same_model
from launcher.ollama_env import clamp_reason
from launcher.ollama_names import remote_size
from launcher.ollama_site import OllamaSite, look_at_ollama, reached_ollama
from launcher.openai_engine import find_engine
from launcher.plan import joined, plan, plan_elsewhere, tier_share
from launcher.plan_types import Absent, AgentPlan, Plan, Pool, Refused
from launcher.probe_host import default_threads
from launcher.process import ProcessId
from launcher.profiles import Profile, choose_profile, nominal_hardware, nominal_models, profile_named, profiles
from launcher.prove import Proof, prove_slots
from launcher.restart import NEVER, Restart
from launcher.running import running_engine, running_engines
from launcher.show import facts_from_show
from launcher.speech import ollama_body
from launcher.types import AgentSpec, Bytes, CacheType, Calibration, Cpu, Gpu, Hardware, ModelFacts, in_gb

__all__ = [
    "DEMO_NOTE",
    "NEVER",
    "Absent",
    "AgentPlan",
    "AgentSpec",
    "BadModelFile",
    "Bytes",
    "CacheType",
    "Calibration",
    "Child",
    "Cpu",
    "Dialect",
    "DoesNotFit",
    "Engine",
    "EngineFailed",
    "EngineNotLoadable",
    "EngineNotReady",
    "EngineSettings",
    "EngineUnreachable",
    "Gpu",
    "Hardware",
    "LauncherError",
    "ModelFacts",
    "ModelMissing",
    "ModelNotFetched",
    "ModelNotLoaded",
    "ModelNowhere",
    "NoModel",
    "OllamaApi",
    "OllamaMissing",
    "OllamaModel",
    "OllamaRefused",
    "OllamaSite",
    "Plan",
    "Pool",
    "ProcessId",
    "Profile",
    "Proof",
    "PullFailed",
    "PullProgress",
    "Refused",
    "Restart",
    "State",
    "UnknownModel",
    "UnknownProfile",
    "choose_profile",
    "clamp_reason",
    "clean_environment",
    "default_threads",
    "demo_model",
    "detect_hardware",
    "facts_from_show",
    "find_engine",
    "in_gb",
    "joined",
    "local_model",
    "look_at_ollama",
    "model_name",
    "nominal_hardware",
    "nominal_models",
    "ollama_body",
    "papers_plan",
    "plan",
    "plan_elsewhere",
    "profile_named",
    "profiles",
    "prove_slots",
    "reached_ollama",
    "read_gguf",
    "remote_size",
    "running_engine",
    "running_engines",
    "same_model",
    "tier_share",
]
