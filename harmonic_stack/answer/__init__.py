"""The ways in which one query is answered; the orchestrator chooses among them."""
