"""The end of a phase: judged on held-out prompts, undone where it lost more than its tolerance, and put into the lineage."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from stillhouse_models.recipe import PhaseRecipe
from stillhouse_models.training.checkpoint import load_checkpoint, save_checkpoint
from stillhouse_models.training.judge import PhaseJudge
from stillhouse_models.training.metrics import MetricsLog
from stillhouse_models.training.phase_curve import phase_curve
from stillhouse_models.training.phase_loop import paint
from stillhouse_models.training.sheet import save_sheet
from stillhouse_models.training.student_run import StudentRun
from stillhouse_models.watch import Watch

SHOWN = 32


def close_phase(run: StudentRun, phase: PhaseRecipe, judge: PhaseJudge, log: MetricsLog, out: Path, watch: Watch) -> None:
    """Afterwards the run stands at the beginning of the next phase, and is saved so.

    Nothing on disk that a resumed run reads changes before that one save: a kill on the way repeats the whole end.
    """
    now, shown = run.progress, list[Tensor]()

    def painted(texts: list[str], noise: Tensor) -> Tensor:
        shown.append(paint(run, texts, noise))
        return shown[-1]

    shares = judge(painted)
    best = max((row["metrics"][judge.share] for row in now.rows if not row["undone"]), default=0.0)
    undone = is_undone(shares[judge.share], best, phase.tolerance)
    save_sheet([judge.shown(shown[0][:SHOWN])], judge.prompts[:SHOWN], out / f"student-{phase.name}.png")
    log.write(phase=phase.name, step=now.step, closed=True, undone=undone, **shares)
    row = {"name": phase.name, "steps": now.step, "learningRate": phase.rate, "losses": now.losses, "metrics": shares}
    row |= {"undone": undone, "weights": dict(phase.losses), "curve": phase_curve(log.path, phase.name)}
    _say(watch, phase, judge, shares, best, now.rows, undone)
    kept = now.best
    if undone and now.best is not None:
        run.restore_weights(load_checkpoint(out / now.best))
    elif shares[judge.share] >= best:
        now.best = f"best-{now.phase}.pt"
        save_checkpoint(run.state(), out / now.best)
    run.progress = replace(now, phase=now.phase + 1, phase_step=0, spent=0.0, rows=[*now.rows, row])
    run.save(out)
    if kept not in (None, now.best):
        (out / str(kept)).unlink(missing_ok=True)


def is_undone(share: float, best: float, tolerance: float) -> bool:
    """`share`: what the judge decides by, of this phase and of the best one before it."""
    return share < best - tolerance


def _say(
    watch: Watch, phase: PhaseRecipe, judge: PhaseJudge, shares: dict[str, float], best: float, rows: list[dict[str, Any]],
    undone: bool,
) -> None:  # fmt: skip
    found = f"phase {phase.name!r}: {judge.words(shares)}"
    if not undone:
        watch.say(found)
        return
    name = max((row for row in rows if not row["undone"]), key=lambda row: row["metrics"][judge.share])["name"]
    watch.say(f"{found}. That is more than {phase.tolerance:.1%} below {best:.1%}: back to the weights of phase {name!r}")
