"""Whether answers were right, as people or programs report it: kept for good, and counted into the calibration."""

import asyncio
import json
import logging
import sqlite3
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from harmonic_stack.errors import NotVoted, OutcomeNotKept, QueryNotFound
from harmonic_stack.merge.calibrate import Calibration, Told
from spine import Bus, Channel

log = logging.getLogger(__name__)
_TABLE = """CREATE TABLE IF NOT EXISTS outcomes (
    query TEXT PRIMARY KEY, time REAL NOT NULL, votes INTEGER NOT NULL, asked INTEGER NOT NULL, right INTEGER NOT NULL,
    drafts TEXT NOT NULL
)"""
_MOST_SIGNALS = 500


class Outcomes:
    """The outcomes in an SQLite file at *path*; ``calibration`` counts them."""

    def __init__(self, path: Path, *, least: int) -> None:
        self._path, self._least = path, least
        self._writing = asyncio.Lock()
        try:
            known = self._read()
        except (sqlite3.Error, ValueError) as error:  # a damaged file must not stop the stack: the shipped table serves
            log.warning("outcomes cannot be read", extra={"path": str(path), "reason": str(error)})
            known = []
        self.calibration = Calibration(known, least=least)

    async def post(self, bus: Bus, query: str, models: Mapping[str, str], *, right: bool) -> Told:
        """Keep whether the vote on *query* was right; posted again, the newer word holds. *models* are by agent.

        Raises:
            QueryNotFound: the spine holds nothing of it (any more).
            NotVoted: it was answered without a vote, so there is nothing to calibrate.
        OutcomeNotKept: the file cannot be written.
        """
        told = await _vote_of(bus, query, models, right=right)
        async with self._writing:
            try:
                await asyncio.to_thread(self._write, query, told)
                known = await asyncio.to_thread(self._read)
            except sqlite3.Error as error:
                raise OutcomeNotKept(self._path, str(error)) from error
            self.calibration = Calibration(known, least=self._least)
        return told

    def _write(self, query: str, told: Told) -> None:
        row = (query, time.time(), told.votes, told.asked, told.right, json.dumps(dict(told.drafts)))
        with closing(sqlite3.connect(self._path)) as file, file:
            file.execute(_TABLE)
            file.execute("INSERT OR REPLACE INTO outcomes VALUES (?, ?, ?, ?, ?, ?)", row)

    def _read(self) -> list[Told]:
        if not self._path.exists():
            return []
        with closing(sqlite3.connect(self._path)) as file:
            file.execute(_TABLE)
            rows = file.execute("SELECT votes, asked, right, drafts FROM outcomes ORDER BY time").fetchall()
        return [
            Told(votes, asked, bool(right), {model: (good, of) for model, (good, of) in json.loads(drafts).items()})
            for votes, asked, right, drafts in rows
        ]


async def _vote_of(bus: Bus, query: str, models: Mapping[str, str], *, right: bool) -> Told:
    """The vote as the spine tells it: channels 5, 4 and 3 know session, votes, and each draft's answer."""
    costs = await bus.read(Channel.META, query=query, limit=1)
    if not costs.signals:
        raise QueryNotFound(query)
    where: dict[str, Any] = {"session": costs.signals[0].session, "query": query, "limit": _MOST_SIGNALS}
    merged = (await bus.read(Channel.HARMONIC, kind="merge", **where)).signals
    agreement: Any = ((merged[-1].payload or {}) if merged else {}).get("agreement")
    if not isinstance(agreement, dict):
        raise NotVoted(query)
    proposals = (await bus.read(Channel.TASK, kind="proposal", **where)).signals
    asked, good = Counter[str](), Counter[str]()
    for signal in proposals:
        model, answer = models.get(signal.writer), (signal.payload or {}).get("answer")
        if model is not None:
            asked[model] += 1
            good[model] += right and answer is not None and answer == agreement.get("answer")
    return Told(agreement["votes"], agreement["asked"], right, {model: (good[model], asked[model]) for model in asked})
