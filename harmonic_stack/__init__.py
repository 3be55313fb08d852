"""Harmonic Stack: a crew of agents behind one OpenAI-compatible address."""

__version__ = "0.1.0"
