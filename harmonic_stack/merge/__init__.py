"""The pure part of a merge: what a draft answers, what agrees, and what only one draft says (docs/merging.md)."""
