"""Hardware -> plan -> running engine: detection, planning, engines behind one protocol, supervised programs."""

from launcher.child import Child, State, clean_environment
from launcher.demo_model import DEMO_NOTE, demo_model, local_model
from launcher.engine import Dialect, Engine, EngineSettings, running_engine
from launcher.errors import (
    BadModelFile,
    DoesNotFit,
    EngineFailed,
    EngineNotReady,
    EngineUnreachable,
    LauncherError,
    NoModel,
    UnknownModel,
    UnknownProfile,
)
from launcher.gguf import model_name, read_gguf
from launcher.hardware import detect_hardware
from launcher.openai_engine import find_engine
from launcher.plan import plan, plan_elsewhere, tier_share
from launcher.plan_types import AgentPlan, Plan, Pool, Refused
from launcher.probe_host import default_threads
from launcher.process import ProcessId
from launcher.profiles import Profile, choose_profile, nominal_hardware, profile_named, profiles
from launcher.prove import Proof, prove_slots
from launcher.restart import NEVER, Restart
from launcher.types import AgentSpec, Bytes, CacheType, Calibration, Cpu, Gpu, Hardware, ModelFacts, in_gb

__all__ = [
    "DEMO_NOTE",
    "NEVER",
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
    "EngineNotReady",
    "EngineSettings",
    "EngineUnreachable",
    "Gpu",
    "Hardware",
    "LauncherError",
    "ModelFacts",
    "NoModel",
    "Plan",
    "Pool",
    "ProcessId",
    "Profile",
    "Proof",
    "Refused",
    "Restart",
    "State",
    "UnknownModel",
    "UnknownProfile",
    "choose_profile",
    "clean_environment",
    "default_threads",
    "demo_model",
    "detect_hardware",
    "find_engine",
    "in_gb",
    "local_model",
    "model_name",
    "nominal_hardware",
    "plan",
    "plan_elsewhere",
    "profile_named",
    "profiles",
    "prove_slots",
    "read_gguf",
    "running_engine",
    "tier_share",
]
