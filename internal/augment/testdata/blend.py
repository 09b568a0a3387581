"""Makes blend.json, which TestBlendNumpy holds Blend against: the formula of
arXiv 2305.03950 in float64, independently of this project.

How to run, from this folder:

    python3 -m venv /tmp/blend
    /tmp/blend/bin/pip install numpy==2.4.6
    /tmp/blend/bin/python blend.py
"""

import json
from pathlib import Path

import numpy as np

rng = np.random.default_rng(2305_03950)
cases = []
for width, queries, alpha, unit in [
    (4, 1, 0.01, True),
    (8, 5, 0.02, True),
    (8, 0, 0.3, False),
    (16, 35, 0.01, True),
    (16, 3, 0.5, False),
    (8, 2, 1.0, True),
    (24, 10, 0.05, True),
]:
    passage = rng.standard_normal(width).astype(np.float32)
    bank = rng.standard_normal((queries, width)).astype(np.float32)
    if unit:
        passage /= np.linalg.norm(passage)
        bank /= np.linalg.norm(bank, axis=1, keepdims=True)
    published = (1 - alpha) * passage.astype(np.float64) + alpha * bank.astype(np.float64).sum(axis=0)
    case = {"alpha": alpha, "passage": passage, "queries": bank, "published": published}
    if queries:
        case["scaled"] = published / np.linalg.norm(published)
    cases.append({key: np.asarray(value).tolist() for key, value in case.items()})

# repr of a float32 is exact once it is read back as one.
lines = ",\n".join(json.dumps(case) for case in cases)
Path(__file__).with_name("blend.json").write_text(f"[\n{lines}\n]\n")
