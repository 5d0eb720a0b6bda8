"""The steps of one phase: trained, logged, saved and looked at now and then, and left at any step without a loss."""

import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from stillhouse_models.recipe import PhaseRecipe
from stillhouse_models.training.courtesy import Courtesy
from stillhouse_models.training.judge import PhaseJudge
from stillhouse_models.training.metrics import MetricsLog
from stillhouse_models.training.sampling import sample
from stillhouse_models.training.student_run import StudentRun
from stillhouse_models.watch import Watch

SAVE_EVERY_SECONDS = 180
JUDGE_EVERY_SECONDS = 300
LOG_EVERY_STEPS = 50


def train_phase(run: StudentRun, phase: PhaseRecipe, judge: PhaseJudge, log: MetricsLog, out: Path, watch: Watch) -> None:
    """Until the phase's steps or seconds are spent. Raises StoppedError, with everything saved, when the watch asks for it.

    A phase that is counted in steps keeps to one number of threads, so that it gives the same weights every time; one that
    is counted in seconds cannot, and leaves other work on the machine its room.
    """
    now = run.progress
    courtesy = Courtesy() if phase.steps is None else None
    if courtesy is None:
        now.threads = now.threads or torch.get_num_threads()
        torch.set_num_threads(now.threads)
    saved = judged = time.monotonic()
    while now.through(phase) < 1:
        if watch.stop_asked:
            run.save(out)
            watch.stop_if_asked(f"saved at step {now.step} in phase {phase.name!r}")
        if courtesy:
            courtesy.look()
        _one_step(run, phase, log)
        done, total = (now.phase_step, phase.steps) if phase.steps is not None else (now.spent, phase.seconds or 0.0)
        watch.tell(phase.name, done, total, "seconds" if phase.steps is None else "steps", now.window[-1] if now.window else {})
        if time.monotonic() - saved > SAVE_EVERY_SECONDS:
            run.save(out)
            saved = time.monotonic()
        if time.monotonic() - judged > JUDGE_EVERY_SECONDS:
            log.write(phase=phase.name, step=now.step, **judge(lambda texts, noise: paint(run, texts, noise)))
            judged = time.monotonic()


def _one_step(run: StudentRun, phase: PhaseRecipe, log: MetricsLog) -> None:
    now, begun = run.progress, time.monotonic()
    now.window.append(run.step(phase, now.through(phase)))
    now.phase_step += 1
    now.spent += time.monotonic() - begun
    if now.step % LOG_EVERY_STEPS == 0 or now.through(phase) >= 1:
        now.losses = {name: float(np.mean([row[name] for row in now.window])) for name in now.window[-1]}
        log.write(phase=phase.name, step=now.step, spent=now.spent, **now.losses)
        now.window.clear()


def paint(run: StudentRun, texts: list[str], noise: Tensor) -> Tensor:
    """Pictures by the averaged weights, in the steps that the student is trained for."""
    context = run.school.context(texts)
    with run.average.in_place_of(run.student):
        return sample(lambda x, t: run.student.clean(x, t, context), noise.to(run.school.device), run.school.levels)
