#!/usr/bin/env python3
"""Figures of docs/design.md on augmented passages, by numpy from recorded vectors.

    .venv/bin/python scripts/augment_numpy.py ../shared/xquad

Independent of the Go code. nDCG@1 in the mean of ar, zh, el, th and tr, English
anchors at λ = 0.7; nothing is held out.
"""

import json
import sys
from pathlib import Path

import numpy as np

LANGS = ["ar", "zh", "el", "th", "tr"]
LAMBDA = 0.7
QUERIES = "generated-queries/en.en.qwen2.5-coder-1.5b"

data = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/xquad")


def vectors(name):
    return np.fromfile(data / f"{name}.f32", dtype="<f4").reshape(-1, 384).astype(np.float64)


def relevant(lang):
    """The number of each question's passage."""
    articles = json.loads((data / f"xquad.{lang}.json").read_text())["data"]
    paragraphs = [p for a in articles for p in a["paragraphs"]]
    return np.array([i for i, p in enumerate(paragraphs) for _ in p["qas"]])


def unit(v):
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


anchors = vectors("e5-small/en.queries")
queries = vectors(QUERIES)
documents = np.array([json.loads(row)["doc"] for row in (data / f"{QUERIES}.jsonl").open()])
languages = [
    (vectors(f"e5-small/{lang}.passages"), LAMBDA * vectors(f"e5-small/{lang}.queries") + (1 - LAMBDA) * anchors, relevant(lang))
    for lang in LANGS
]


def mean(score):
    """Mean over the languages of how often the highest score is the right one's."""
    return 100 * np.mean([(score(p, q).argmax(1) == want).mean() for p, q, want in languages])


def sums(passages, keep):
    total = np.zeros_like(passages)
    np.add.at(total, documents[keep], queries[keep])
    return total, np.bincount(documents[keep], minlength=len(passages)) > 0


def blend(alpha, keep=slice(None), missing="typical", scale=True):
    def score(passages, asked):
        added, has = sums(passages, keep)
        if missing == "typical":
            added[~has] = added[has].mean(0)
        mixed = (1 - alpha) * passages + alpha * added
        return asked @ (unit(mixed) if scale else mixed).T

    return mean(score)


def multi(alpha, keep=slice(None)):
    def score(passages, asked):
        own, added = documents[keep], queries[keep]
        missing = np.setdiff1d(np.arange(len(passages)), own)
        of = np.concatenate([own, missing])
        added = np.concatenate([added, np.tile(added.mean(0), (len(missing), 1))])
        scores = asked @ unit((1 - alpha) * passages[of] + alpha * added).T
        best = np.full((len(asked), len(passages)), -np.inf)
        for point, passage in enumerate(of):
            best[:, passage] = np.maximum(best[:, passage], scores[:, point])
        return best

    return mean(score)


def hub(b, neighbours):
    def score(passages, asked):
        near = queries @ passages.T
        near[np.arange(len(queries)), documents] = np.nan
        if neighbours:
            hubness = [np.sort(c[~np.isnan(c)])[-neighbours:].mean() for c in near.T]
        else:
            hubness = np.nanmean(near, 0)
        return asked @ passages.T - b * np.array(hubness)

    return mean(score)


def without_a_third(alpha, missing):
    """Mean over eight draws of 80 of the 240 passages that have no queries."""
    values = []
    for seed in range(8):
        gone = np.random.default_rng(seed).choice(240, 80, replace=False)
        values.append(blend(alpha, ~np.isin(documents, gone), missing))
    return np.mean(values)


print(f"plain {blend(0):.2f}")
for alpha in 0.01, 0.02:
    print(f"alpha {alpha}: blend {blend(alpha):.2f}, as dot products {blend(alpha, scale=False):.2f}")
print(f"alpha 0.02, a third without queries: left {without_a_third(0.02, 'left'):.2f}, typical {without_a_third(0.02, 'typical'):.2f}")
for k in 0, 5, 10, 20, 50, 100, 200:
    print(f"hub 0.2 by {k or 'all'} neighbours: {hub(0.2, k):.2f}")
english = vectors("e5-small/en.passages")
similar = queries @ english.T
rank = 1 + (similar > similar[np.arange(len(queries)), documents][:, None]).sum(1)
for k in 1, 3, 240:
    print(f"round trip {k}: keeps {(rank <= k).mean():.3f}; blend 0.02 {blend(0.02, rank <= k):.2f}, multi 0.15 {multi(0.15, rank <= k):.2f}")
