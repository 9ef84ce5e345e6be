"""The study in its database: opened or refused, planned, and handed out trial by trial.

It stands between the space and the training of trials. Every place of the search is put into the database as a waiting
trial before any is run; a worker takes the lowest one that waits by one atomic change of its state. So any number of
processes share a study without running a place twice or one too many, and a process may be killed at any moment: its
trial is found again by its process or its missing heartbeat, called failed, and its place waits anew.
"""

from __future__ import annotations

import time
import uuid
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any, Literal

import optuna
import sqlalchemy
from optuna.exceptions import DuplicatedStudyError, OptunaError, UpdateFinishedTrialError
from optuna.pruners import NopPruner
from optuna.samplers import RandomSampler
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from chronoslide.errors import SettingsError
from chronoslide.processes import is_dead, this_process
from chronoslide.search.algorithms import DIRECTIONS, PLACE

DEATHS = 10
"""A trial whose process died this often is given up: it may be what kills it, for want of memory."""

IDENTITY, PROCESS, FAILURE, TWIN, OUTCOME = "identity", "process", "failure", "twin", "outcome"
_MARK = "mark"


@dataclass(frozen=True)
class OpenStudy:
    """A study in a database.

    Attributes:
        storage: The database.
        name: Of the study there.
    """

    storage: RDBStorage
    name: str

    def trials(self) -> list[FrozenTrial]:
        """All trials as they are now, in the order of their numbers."""
        return self.storage.get_all_trials(self._study_id, deepcopy=False)

    def as_optuna(self) -> optuna.Study:
        """The study as Optuna's object, which neither samples nor prunes."""
        study = optuna.load_study(
            study_name=self.name, storage=self.storage, sampler=RandomSampler(seed=0), pruner=NopPruner()
        )
        study.get_trials(deepcopy=False)  # Optuna's cache takes words only about trials that it has seen
        return study

    @property
    def mark(self) -> str:
        """What only this study is called; one of the same name in another database has another."""
        return str(self.storage.get_study_user_attrs(self._study_id).get(_MARK, self.name))

    @property
    def _study_id(self) -> int:
        return self.storage.get_study_id_from_name(self.name)


def storage_address(storage: str, root: Path) -> str:
    """The address, with a relative SQLite file made one of the repository, whose folder is made."""
    prefix = "sqlite:///"
    if not storage.startswith(prefix) or Path(storage.removeprefix(prefix)).is_absolute():
        return storage
    path = root / storage.removeprefix(prefix)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"tune.storage: {path.parent} cannot be made ({error.strerror}); name another place"
        ) from error
    return f"{prefix}{path}"


def open_storage(address: str, heartbeat_seconds: int) -> RDBStorage:
    """Connects to a database and makes Optuna's tables where they are missing.

    Raises:
        SettingsError: It cannot be reached, or the address is none.
    """
    try:
        shown = sqlalchemy.make_url(address).render_as_string(hide_password=True)
    except sqlalchemy.exc.ArgumentError as error:
        raise SettingsError(
            f"tune.storage: {address!r} is no database address; write one as sqlite:///search/study.db or "
            "postgresql+psycopg://user:password@host/database"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    waiting: dict[str, Any] = (
        {"connect_args": {"timeout": 60}} if address.startswith("sqlite") else {"pool_pre_ping": True}
    )
    for attempt in range(5):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                storage = RDBStorage(
                    address,
                    engine_kwargs=waiting,
                    heartbeat_interval=heartbeat_seconds,
                    grace_period=3 * heartbeat_seconds,
                )
            if address.startswith("sqlite"):
                _one_at_a_time(storage.engine)
            return storage
        except (sqlalchemy.exc.SQLAlchemyError, OptunaError, ImportError, RuntimeError) as error:
            # Two processes that make the tables at the same moment disturb each other once.
            if attempt < 4 and "already exists" in str(error):
                time.sleep(0.2 * (attempt + 1))
                continue
            reason = _first_line(error)
            raise SettingsError(
                f"tune.storage: {shown} cannot be used ({reason}); start the database or correct the address"
            ) from error
    raise AssertionError("unreachable")


def _one_at_a_time(engine: sqlalchemy.Engine) -> None:
    """Lets a transaction on SQLite lock the file when it begins, not when it first writes.

    Optuna reads a trial's state and then writes it, relying on the row being locked, which SQLite cannot: two processes
    took the same trial (seen in a test). The recipe is SQLAlchemy's own.
    """

    @sqlalchemy.event.listens_for(engine, "connect")
    def leave_transactions_to_us(connection: Any, _: Any) -> None:
        connection.isolation_level = None

    @sqlalchemy.event.listens_for(engine, "begin")
    def lock(connection: sqlalchemy.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    engine.dispose()  # connections that were opened before know nothing of it


def open_study(
    storage: RDBStorage,
    name: str,
    identity: Mapping[str, Any],
    objectives: Sequence[str],
    *,
    new: Literal["never", "always", "if changed"] = "never",
) -> OpenStudy:
    """Finds the study or makes it.

    Args:
        storage: The database.
        name: Of the search in `params.yaml`. A study begun anew has a number behind it; the latest one counts.
        identity: What it was made for; a study made for anything else is refused.
        objectives: "f1" alone or with "cost".
        new: When to begin a new study beside those that are there: "if changed" does where none was made for the same.

    Raises:
        SettingsError: The study was made for other data, another space or other settings.
    """
    names = _study_names(storage, name)
    if new == "if changed":
        same = [there for there in names if _identity_of(storage, there) == dict(identity)]
        latest = same[-1] if same else None
    else:
        latest = names[-1] if names and new == "never" else None
    if latest is None:
        wanted = _numbered(name, len(names) + 1)
        with suppress(DuplicatedStudyError):  # another process was quicker: its study is ours, if it is the same
            made = storage.create_new_study([DIRECTIONS[objective] for objective in objectives], wanted)
            storage.set_study_user_attr(made, _MARK, uuid.uuid4().hex)
            storage.set_study_user_attr(made, IDENTITY, dict(identity))
        latest = wanted
    found = _identity_of(storage, latest)
    differences = [
        f"{key}: {_shown(found.get(key))} then, {_shown(identity.get(key))} now"
        for key in sorted({*found, *identity})
        if found.get(key) != identity.get(key)
    ]
    if differences:
        more = f" and {len(differences) - 3} more" if len(differences) > 3 else ""
        raise SettingsError(
            f"tune.study: the study {latest!r} was made for something else ({'; '.join(differences[:3])}{more}); "
            "begin a new one with `chronoslide tune --new`, or give tune.study another name"
        )
    return OpenStudy(storage, latest)


def _numbered(name: str, count: int) -> str:
    return name if count == 1 else f"{name} {count}"


def _study_names(storage: RDBStorage, name: str) -> list[str]:
    """The studies of this name that are there, without a gap in their numbers."""
    there = {study.study_name for study in storage.get_all_studies()}
    found: list[str] = []
    while _numbered(name, len(found) + 1) in there:
        found.append(_numbered(name, len(found) + 1))
    return found


def _identity_of(storage: RDBStorage, name: str) -> dict[str, Any]:
    """What a study was made for; another process may be just about to write it."""
    study_id = storage.get_study_id_from_name(name)
    for _ in range(50):
        found = storage.get_study_user_attrs(study_id).get(IDENTITY)
        if found is not None:
            return dict(found)
        time.sleep(0.1)
    raise SettingsError(
        f"tune.study: the study {name!r} was not made by `chronoslide tune`; give tune.study another name"
    )


def _shown(value: Any) -> str:
    return "nothing" if value is None else str(value)


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:200] if lines else type(error).__name__


def plan(study: OpenStudy, total: int, points: Sequence[Mapping[str, Any]] | None) -> None:
    """Lets every place below `total` wait that has neither waited nor run, and those whose process died.

    Args:
        study: The study.
        total: Of trials.
        points: What is tried at each place, where that is known before (a grid).
    """
    by_place: dict[int, list[FrozenTrial]] = {}
    for trial in study.trials():
        if PLACE in trial.user_attrs and TWIN not in trial.user_attrs:
            by_place.setdefault(trial.user_attrs[PLACE], []).append(trial)
    for place in range(total):
        there = by_place.get(place, [])
        died = [trial for trial in there if trial.state == TrialState.FAIL and FAILURE not in trial.user_attrs]
        if len(died) < len(there):
            continue
        params = dict(points[place]) if points else (dict(died[-1].params) if died else {})
        kept = {key: value for key, value in died[-1].system_attrs.items() if key.startswith("cma:")} if died else {}
        study.storage.create_new_trial(
            study._study_id,
            template_trial=optuna.trial.create_trial(
                state=TrialState.WAITING,
                system_attrs={**kept, "fixed_params": params},
                user_attrs={PLACE: place, "deaths": len(died)},
            ),
        )


def claim(study: OpenStudy, total: int) -> FrozenTrial | None:
    """Takes the waiting trial of the lowest place, or None if none waits; nobody else gets the same one."""
    waiting = [trial for trial in study.trials() if trial.state == TrialState.WAITING]
    for trial in sorted(waiting, key=lambda trial: (trial.user_attrs.get(PLACE, total), trial.number)):
        if trial.user_attrs.get(PLACE, total) >= total:
            continue
        with suppress(UpdateFinishedTrialError):
            # Whoever is killed between two of these lines leaves a trial whose process is known.
            study.storage.set_trial_user_attr(trial._trial_id, PROCESS, this_process())
            if not study.storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING):
                continue
            study.storage.set_trial_user_attr(trial._trial_id, PROCESS, this_process())
            if not _is_twin(study, trial):
                return study.storage.get_trial(trial._trial_id)
            study.storage.set_trial_user_attr(trial._trial_id, TWIN, True)
            study.storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
    return None


def teaches(trial: FrozenTrial) -> bool:
    """Whether a sampler may learn from a trial: it ended, it failed for good, or it runs and has a point."""
    if TWIN in trial.user_attrs or PLACE not in trial.user_attrs:
        return False
    if trial.state == TrialState.RUNNING:
        return bool(trial.params)
    return trial.state in (TrialState.COMPLETE, TrialState.PRUNED) or FAILURE in trial.user_attrs


def _is_twin(study: OpenStudy, trial: FrozenTrial) -> bool:
    """Whether an older trial stands at the same place: two processes planned at the same moment."""
    return any(
        other.number < trial.number
        and other.user_attrs.get(PLACE) == trial.user_attrs[PLACE]
        and TWIN not in other.user_attrs
        and (other.state != TrialState.FAIL or FAILURE in other.user_attrs)
        for other in study.trials()
    )


def bury_the_dead(study: OpenStudy) -> None:
    """Calls trials failed whose process on this machine is gone, or whose machine was silent for too long."""
    stale = set(study.storage._get_stale_trial_ids(study._study_id))
    for trial in study.trials():
        if trial.state != TrialState.RUNNING:
            continue
        if trial._trial_id in stale or is_dead(str(trial.user_attrs.get(PROCESS, ""))):
            with suppress(UpdateFinishedTrialError):  # another process found it, too
                if int(trial.user_attrs.get("deaths", 0)) + 1 >= DEATHS:
                    study.storage.set_trial_user_attr(trial._trial_id, FAILURE, f"its process died {DEATHS} times")
                study.storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)


@contextmanager
def heartbeat(study: OpenStudy, trial: FrozenTrial) -> Iterator[None]:
    """Tells the database again and again that this trial is being worked on."""
    ended = Event()

    def beat() -> None:
        interval = study.storage.get_heartbeat_interval() or 60
        while True:
            with suppress(OptunaError):  # a database that is away for a moment; the next beat tells it
                study.storage.record_heartbeat(trial._trial_id)
            if ended.wait(interval):
                break
        study.storage.remove_session()

    thread = Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
