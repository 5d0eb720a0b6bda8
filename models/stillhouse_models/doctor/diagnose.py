"""What is wrong with a version's pictures, and what helps: facts in, findings out."""

from dataclasses import asdict, dataclass
from typing import Any

from stillhouse_models.doctor.causes import (
    FEATURE_LOSSES,
    PIXEL_LOSSES,
    Cause,
    causes,
    loss_parts,
    main_phase,
)
from stillhouse_models.doctor.facts import Facts

# Bounds against the teacher's own pictures: below them lies what seeds and motifs make.
GRID_FACTOR, GRID_MORE = 1.5, 0.02
SEAMS_MORE = 0.15
CLIPPING_MORE = 0.1
BLURRED, OVERSHARP = 0.8, 1.3
FLAT_MORE = 0.05
DIVERSITY_LESS = 0.8
FEWEST_SEED_LEVELS = 2.0
UNFAITHFUL_SSIM = 0.6
PSNR_LOSS_DB = 0.5
TEACHERS_SCORE = 4.5


@dataclass(frozen=True)
class Finding:
    """`artifact` names it; `numbers` are the evidence; `remedies` are in the order to try them."""

    artifact: str
    variant: str
    numbers: str
    remedies: list[dict[str, str]]


def diagnose(facts: Facts) -> list[Finding]:
    """Of the variant with the most bits first: what it has wrong, training or its steps did; then what storing others cost."""
    why = causes(facts)
    found = [*_numbers(facts), *_adherence(facts, why), *_sharpness(facts, why), *_pattern(facts, why), *_sameness(facts, why)]
    return [*found, *_storage(facts)]


def _numbers(facts: Facts) -> list[Finding]:
    found = []
    for row in facts.variants:
        artifacts, usual = row["artifacts"], facts.teacher["artifacts"]["flat"]
        if artifacts["nonFinite"]:
            numbers = f"{artifacts['nonFinite']:.0%} of the pictures hold values that are no numbers"
            do = "export with more bits (--precisions fp32); if fp32 has them too, the weights are broken: go back to the last "
            more = _remedy("precision", f"{do}good phase and lower its rate")
            found.append(Finding("no numbers", row["name"], numbers, [more]))
        if artifacts["flat"] > usual + FLAT_MORE:
            numbers = f"{artifacts['flat']:.0%} of the pictures show nothing (the teacher's: {usual:.0%})"
            look = _remedy("training", "look at the losses for a collapse (plot), and go back to the phase before it")
            found.append(Finding("empty pictures", row["name"], numbers, [look]))
    return found


def _adherence(facts: Facts, why: list[Cause]) -> list[Finding]:
    row = facts.main
    high = (row["interval"] or {}).get("high", row["score"])
    fidelity = row["fidelity"]
    found = []
    if row["score"] < TEACHERS_SCORE and high < 5:
        numbers = f"score {row['score']:.2f}, at most {high:.2f} at 95 %; parts found {row['adherence']:.0%}"
        numbers += f" where the teacher shows {facts.teacher['adherence']:.0%}"
        found.append(Finding("captions not followed", row["name"], numbers, _remedies(why)))
    if fidelity and fidelity["ssim"] < UNFAITHFUL_SSIM:
        numbers = f"SSIM to the teacher {fidelity['ssim']:.2f}, PSNR {fidelity['psnrDb']:.1f} dB at equal seeds"
        found.append(Finding("unlike the teacher", row["name"], numbers, _remedies(why)))
    return found


def _sharpness(facts: Facts, why: list[Cause]) -> list[Finding]:
    ours, theirs = facts.main["artifacts"]["sharpness"], facts.teacher["artifacts"]["sharpness"]
    ratio = ours / max(theirs, 1e-9)
    numbers = f"sharpness {ours:.1f}, the teacher's {theirs:.1f} ({ratio:.0%})"
    if ratio < BLURRED:
        return [Finding("blur", facts.main["name"], numbers, _remedies([*why, *_feature_weight(facts)]))]
    if ratio > OVERSHARP:
        return [Finding("noise", facts.main["name"], numbers, _remedies(why))]
    return []


def _feature_weight(facts: Facts) -> list[Cause]:
    """Squared errors of pixels make means of what might be; what compares features keeps edges."""
    parts = loss_parts(main_phase(facts.phases))
    pixels, features = (sum(parts.get(name, 0.0) for name in names) for names in (PIXEL_LOSSES, FEATURE_LOSSES))
    share = features / max(pixels + features, 1e-12)
    if not parts or share >= 0.5:
        return []
    do = "add feature or gram to the main phase" if features == 0 else f"raise their weights about {0.5 / share:.1f} times"
    return [Cause("feature-weight", 0.3, f"feature losses were {share:.0%} of what the main phase minimised", do)]


def _pattern(facts: Facts, why: list[Cause]) -> list[Finding]:
    row, ours, theirs = facts.main, facts.main["artifacts"], facts.teacher["artifacts"]
    found = []
    if _has_grid(ours, theirs):
        numbers = f"grid {ours['grid']:.3f} (the teacher {theirs['grid']:.3f}), seams {ours['seams']:.2f} ({theirs['seams']:.2f})"
        head = _remedy("more-channels", "more pixel_channels in [student]: the last convolutions join the patches")
        found.append(Finding("grid", row["name"], numbers, [*_remedies(why), head]))
    if ours["clipping"] > theirs["clipping"] + CLIPPING_MORE:
        numbers = f"{ours['clipping']:.0%} of the values are at 0 or 255 (the teacher {theirs['clipping']:.0%})"
        guidance = _remedy("guidance", "lower the teacher's guidance in [teacher]: students learn its answers, exaggeration too")
        found.append(Finding("clipping", row["name"], numbers, [*_remedies(why), guidance]))
    return found


def _has_grid(ours: dict[str, float], theirs: dict[str, float]) -> bool:
    grid = ours["grid"] > max(GRID_FACTOR * theirs["grid"], theirs["grid"] + GRID_MORE)
    return grid or ours["seams"] > theirs["seams"] + SEAMS_MORE


def _sameness(facts: Facts, why: list[Cause]) -> list[Finding]:
    ours, theirs = facts.main["diversity"], facts.teacher["diversity"]["levels"]
    found = []
    if theirs and ours["levels"] < DIVERSITY_LESS * theirs:
        numbers = f"pictures of different prompts are {ours['levels']:.0f} levels apart, the teacher's {theirs:.0f}"
        found.append(Finding("sameness", facts.main["name"], numbers, _remedies(why)))
    if ours["seedLevels"] is not None and ours["seedLevels"] < FEWEST_SEED_LEVELS:
        numbers = f"other seeds change a picture by {ours['seedLevels']:.1f} levels only"
        lower = _remedy("guidance", "lower the teacher's guidance, or give truth more weight: the student ignores its noise")
        found.append(Finding("one picture a prompt", facts.main["name"], numbers, [lower]))
    return found


def _storage(facts: Facts) -> list[Finding]:
    """What the smaller variants lost against the first: the weights are the same, so the way they are stored is the cause."""
    found = []
    for row in facts.variants[1:]:
        lost = []
        apart = facts.apart.get(row["name"])
        if apart and apart["high"] < 0:
            lost.append(f"adherence {apart['mean']:+.3f}, at least {-apart['high']:.3f} less at 95 %")
        if row["fidelity"] and facts.main["fidelity"]:
            fell = facts.main["fidelity"]["psnrDb"] - row["fidelity"]["psnrDb"]
            if fell > PSNR_LOSS_DB:
                lost.append(f"PSNR to the teacher {fell:.1f} dB lower")
        ours, theirs = row["artifacts"], facts.main["artifacts"]
        if _has_grid(ours, theirs):
            lost.append(f"grid {ours['grid']:.3f} where {facts.main['name']} has {theirs['grid']:.3f}")
        if lost:
            do = f"publish a variant with more bits beside or instead of it ({facts.main['name']} has none of this)"
            found.append(Finding("lost in storage", row["name"], "; ".join(lost), [_remedy("precision", do)]))
    return found


def _remedy(kind: str, do: str, why: str = "") -> dict[str, str]:
    return {"remedy": kind, "do": do, "why": why}


def _remedies(why: list[Cause]) -> list[dict[str, str]]:
    ordered = sorted(why, key=lambda cause: -cause.strength)
    if not ordered:
        return [_remedy("unknown", "the lineage holds no weights or curves of its phases: distil again with this toolkit")]
    return [_remedy(cause.remedy, cause.do, cause.why) for cause in ordered]


def report(facts: Facts) -> dict[str, Any]:
    """JSON-able: `diagnosis` is the first remedy of all."""
    found, why = diagnose(facts), causes(facts)
    first = found[0].remedies[0]["remedy"] if found else None
    return {
        "diagnosis": first,
        "findings": [asdict(each) for each in found],
        "causes": [asdict(each) for each in why] if found else [],
    }
