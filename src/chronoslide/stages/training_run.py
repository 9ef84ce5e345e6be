"""What the training stages share: epochs on the screen, the model on disk, the run in MLflow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from chronoslide.dataset import Dataset
from chronoslide.models.card import WEIGHTS
from chronoslide.models.cost import cost_of
from chronoslide.models.fitting import Fitted
from chronoslide.models.plain import in_plain_layers
from chronoslide.models.storage import save_model
from chronoslide.models.training import History, history_table
from chronoslide.models.workers import keeps
from chronoslide.params import Settings
from chronoslide.patches.storage import PatchSet
from chronoslide.tracking import STORED_MODEL, StageRun, inputs_of, register_network, stage_run

HISTORY = "history.csv"


@contextmanager
def training_run(root: Path, stage: str, settings: Settings, name: str | None = None) -> Iterator[StageRun]:
    """The run of a stage as `stage_run` opens it; in a process that only helps to train, one that nobody is told of."""
    if keeps():
        with stage_run(root, stage, settings, name) as run:
            yield run
        return
    yield StageRun(None, "", inputs_of(root, stage, settings), root, known=True)


@contextmanager
def show_epochs(name: str, epochs: int) -> Iterator[Callable[[dict[str, float]], None]]:
    """Yields a function that takes each epoch's figures and shows them on a progress bar."""
    with tqdm(desc=name, total=epochs, unit=" epochs") as bar:

        def show(epoch: dict[str, float]) -> None:
            bar.set_postfix_str(
                f"loss {epoch['loss']:.3f}, validation {epoch['val_loss']:.3f}, F1 {epoch['val_f1']:.3f}", refresh=False
            )
            bar.update()

        yield show


def keep(
    folder: Path,
    fitted: Fitted,
    run: StageRun,
    registered_name: str | None = None,
    beside: Mapping[str, str] | None = None,
) -> None:
    """Stores a trained network as a folder, logs its curves and files, and registers it if it has a name.

    A process that only helps to train keeps nothing.

    Args:
        folder: Where it is stored.
        fitted: The network.
        run: The open run.
        registered_name: In the registry.
        beside: Further text files of the folder, by name.
    """
    if not keeps():
        return
    text = history_table(fitted.histories).to_csv(index=False, lineterminator="\n")
    save_model(folder, fitted.model, fitted.card, {HISTORY: text, **(beside or {})})
    for prefix, history in log_epochs(fitted.histories, run).items():
        figures = {
            "best_epoch": history.best_epoch,
            "best_val_loss": history.best.val_loss,
            "best_val_f1": history.best.val_f1,
            "seconds_per_epoch": sum(history.seconds) / len(history.seconds),
            "step_share": history.step_share,
        }
        run.log_metrics({f"{prefix}{name}": value for name, value in figures.items()})
    cost = cost_of(fitted.model)
    run.log_metrics(
        {
            "threshold": fitted.threshold.value,
            "threshold_val_f1": fitted.threshold.f1,
            "parameters": cost.parameters,
            "multiply_adds_per_pixel": cost.multiply_adds_per_pixel,
        }
    )
    run.log_files([folder], STORED_MODEL)
    if registered_name:
        register_network(
            run,
            in_plain_layers(fitted.model),
            registered_name,
            bands=fitted.card.bands,
            side=fitted.card.side_pixels,
            description=f"{fitted.card.settings.architecture} (f = {fitted.card.settings.filters}; {cost.sentence()}) "
            f"trained on {fitted.card.trained_on}. Takes reflectance, gives the probability of landslide; landslide "
            f"from {fitted.card.threshold}.",
            weights=folder / WEIGHTS,
        )


def log_epochs(histories: Sequence[History], run: StageRun, prefix: str = "") -> dict[str, History]:
    """Logs every epoch; returns each history by the prefix of its figures, `member_1.` and so on for an ensemble."""
    prefixes = [f"{prefix}member_{number}." for number in range(1, len(histories) + 1)]
    named = {prefix: histories[0]} if len(histories) == 1 else dict(zip(prefixes, histories, strict=True))
    for of_member, history in named.items():
        run.log_curve([asdict(epoch) for epoch in history.epochs], step="epoch", prefix=of_member)
    return named


def patches_text(dataset: Dataset, area: str, training: PatchSet) -> str:
    """What a model was trained on, for its card."""
    return f"{dataset.name} ({dataset.provenance}), {area}, {training.n} patches"
