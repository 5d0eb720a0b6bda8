"""Take the averaged weights out of a teacher's training checkpoint and keep them as diffusers folders."""

from pathlib import Path

from stillhouse_models.train_teacher import CHECKPOINT, TeacherSettings, TeacherTraining
from stillhouse_models.training.checkpoint import load_checkpoint
from stillhouse_models.weights import Painter, save_painter


def keep_teacher(training: Path, out: Path) -> None:
    state = load_checkpoint(training / CHECKPOINT)
    settings = TeacherSettings(**state["settings"])
    run = TeacherTraining(settings, training)
    run.both.load_state_dict(state["average"])
    save_painter(Painter(run.unet, run.encoder, run.tokenizer), out)
