"""The doctor's report for people."""

from typing import Any

from stillhouse_models.inference_precision import not_judged_text


def report_text(report: dict[str, Any]) -> str:
    lines = [f"{report['version']}, variant {report['variant']}"]
    if not report["findings"]:
        lines.append("Nothing found: the pictures are as the teacher's, as far as these prompts tell.")
    shown: set[str] = set()
    for number, finding in enumerate(report["findings"], 1):
        lines += ["", f"{number}. {finding['artifact']} ({finding['variant']})", f"   {finding['numbers']}"]
        for remedy in finding["remedies"]:
            # The reasons are the same for every finding that has them: once is enough.
            reason = f" - {remedy['why']}" if remedy["why"] and remedy["do"] not in shown else ""
            shown.add(remedy["do"])
            lines.append(f"   -> {remedy['remedy']}: {remedy['do']}{reason}")
    if report["notJudged"]:
        lines += ["", *not_judged_text(report["notJudged"])]
    lines += ["", f"The worst pictures, teacher left and student right: {report['sheet']}"]
    return "\n".join(lines)
