"""The end of a run for people: what it is, how good, and what to type next."""

from typing import Any


def run_text(result: dict[str, Any]) -> str:
    return _version_text(result) if "version" in result else _student_text(result)


def _student_text(result: dict[str, Any]) -> str:
    """Of a cached teacher: a student of its latents."""
    lines = [f"a student of its teacher's latents in {result['student']}"]
    for phase in result["phases"]:
        end = " (undone)" if phase["undone"] else ""
        lines.append(f"  phase {phase['name']}: to step {phase['steps']}, {phase['metrics']['likeness']:.1%} like it{end}")
    student = result["judged"]["student"]
    lines.append(f"  as kept: {student['likeness']:.1%} like it on held-out prompts, {student['parameters']:,} parameters")
    lines.append(f"look at it:  {result['folder']}/training/teacher-and-student.png, npx still distil plot {result['folder']}")
    name, plain = f"--name {result['model']} --version 1.0.0", 0 if result["cache"]["pipeline"] == "ZImagePipeline" else 1
    lines.append(f"publish it:  npx still publish {result['pipeline']} {name} --steps {result['steps']} --guidance {plain}")
    return "\n".join(lines)


def _version_text(result: dict[str, Any]) -> str:
    lines = [f"{result['model']}@{result['version']} in {result['folder']}"]
    for phase in result["phases"]:
        end = " (undone)" if phase["undone"] else ""
        lines.append(f"  phase {phase['name']}: to step {phase['steps']}, {phase['metrics']['parts']:.1%} of the parts{end}")
    for variant in result["variants"]:
        score = _score_text(variant["scores"])
        lines.append(f"  {variant['name']}: {score}, {variant['steps']} steps, {variant['parameters']:,} parameters")
    lines.append(f"publish it:  npx still publish {result['folder']}")
    lines.append(f"look at it:  npx still distil plot {result['folder']}")
    return "\n".join(lines)


def _score_text(scores: dict[str, Any] | None) -> str:
    if scores is None:
        return "not scored, since this processor does not compute in it"
    low, high = _interval(scores)
    bounds = f" [{low:.2f}, {high:.2f}]" if low is not None and high is not None else ""
    return f"quality {scores['quality']:.2f}{bounds} of the teacher's 5"


def _interval(scores: dict[str, Any]) -> tuple[float | None, float | None]:
    interval = scores.get("interval") or {}
    return interval.get("low"), interval.get("high")
