"""The wire to an engine: one connection, and the two dialects spoken on it."""
