"""Table 6 of the paper (arXiv 2501.13629): percentages of five models on the four tasks. None: the table has a dash."""

from __future__ import annotations

MODELS = ("GPT-4", "DeepSeek-Coder-7B", "Qwen2.5-Coder-7B", "LLaMA3-8B", "Sigma-System-10B")
_ROWS: dict[str, dict[str, tuple[float | None, ...]]] = {
    "cmdgen NVIDIA": {
        "CMD Score": (84.0, 59.4, 81.1, 33.6, 87.5),
        "Output Score": (61.0, 12.9, 38.3, 12.0, 80.9),
        "Calibration Score": (62.0, 0.5, 52.0, 5.0, 78.0),
        "Exact Match": (13.0, None, None, None, 57.0),
        "Success Ratio": (21.0, 0.5, 15.5, 3.5, 74.0),
        "Accuracy": (25.0, 0.5, 15.5, 3.5, 74.5),
    },
    "cmdgen AMD": {
        "CMD Score": (73.0, 55.0, 77.2, 31.4, 88.9),
        "Output Score": (49.0, 20.3, 49.1, 14.1, 78.0),
        "Calibration Score": (43.0, 3.1, 51.3, 2.6, 79.3),
        "Exact Match": (14.0, None, None, None, 53.9),
        "Success Ratio": (13.0, 3.1, 35.8, 1.6, 69.4),
        "Accuracy": (17.0, 3.1, 35.8, 1.6, 69.4),
    },
    "infrawise": {
        "Target": (40.7, 43.5, 44.9, 28.1, 95.2),
        "Baseline": (34.1, 43.6, 42.7, 34.5, 92.9),
        "Criterion": (55.1, 36.3, 44.2, 11.1, 75.1),
        "Workload": (52.1, 39.9, 47.8, 14.2, 48.4),
        "DCW": (22.5, 16.6, 20.8, 4.6, 40.3),
        "Bench. Recall": (19.8, 11.6, 20.4, 6.5, 28.3),
        "Bench. Accuracy": (18.7, 11.6, 12.6, 6.5, 28.3),
    },
    "optiflow": {
        "Code Detected": (95.8, 82.2, 100.0, 98.2, 100.0),
        "Code Executable": (50.3, 18.6, 28.3, 51.2, 85.9),
        "Plan Valid": (16.8, 18.6, 28.3, 16.4, 86.7),
        "Plan Improved": (0.5, None, None, 1.1, 66.7),
    },
    "nl2kql": {
        "Syntax Acc.": (100.0, 81.4, 100.0, 83.7, 100.0),
        "Similarity": (31.8, 33.9, 36.7, 33.6, 34.9),
        "Cluster Score": (None, None, None, None, 43.0),
        "Database Score": (2.3, 2.3, 4.7, 2.3, 40.7),
        "Table Score": (4.7, 4.7, 4.7, 4.7, 17.4),
        "Column Score": (17.3, 19.3, 22.2, 20.8, 29.0),
    },
}


def figures(block: str, metric: str) -> dict[str, float | None]:
    """The row of a metric by model. `block` is a task, or for CMDGen the task and the vendor, as the table has it."""
    return dict(zip(MODELS, _ROWS[block][metric], strict=True))
