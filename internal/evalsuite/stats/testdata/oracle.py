"""Makes oracle.json, the figures that package stats is held against.

How to run, from this folder:

    python3 -m venv /tmp/oracle
    /tmp/oracle/bin/pip install numpy==2.4.6 scipy==1.17.1 statsmodels==0.15.0
    /tmp/oracle/bin/python oracle.py > oracle.json

"pairs": paired samples. Permutation p by scipy.stats.permutation_test, exact up
to 14 pairs, else from 200,000 flips ("sampled"); t-test by ttest_rel; interval
by scipy.stats.bootstrap, percentile method, 100,000 resamples.
"groups": several groups with question ids. Permutation p by trying all signs of
the questions; t-test from an ordinary regression on group dummies, with
statsmodels' cluster-robust variance without small-sample corrections, times
K/(K-1), K-1 degrees of freedom for K questions; interval by resampling whole
questions (or, where no question stands twice, pairs within each group) and
averaging each resample's group means, 40,000 times.
"signs": two-sided scipy.stats.binomtest.
"holm": statsmodels' multipletests.
"""

import itertools
import json
import sys

import numpy as np
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.multitest import multipletests

rng = np.random.default_rng(20250614)
NDCG = np.array([0] + [1 / np.log2(r + 1) for r in range(1, 11)])


def mean(x, axis=-1):
    return np.mean(x, axis=axis)


def ndcg(n, best):
    rest = (1 - best) / 10
    return rng.choice(NDCG, size=n, p=[rest, best] + [rest] * 9).round(12)


def pairs(name, system, baseline):
    system, baseline = np.asarray(system, float), np.asarray(baseline, float)
    d = system - baseline
    exact = len(d) <= 14
    permuted = stats.permutation_test(
        (d,), mean, permutation_type="samples", vectorized=True, batch=2000,
        n_resamples=np.inf if exact else 200_000, rng=np.random.default_rng(1))
    interval = stats.bootstrap(
        (d,), mean, method="percentile", n_resamples=100_000, batch=2000,
        rng=np.random.default_rng(2)).confidence_interval
    return {
        "name": name,
        "system": system.tolist(),
        "baseline": baseline.tolist(),
        "mean": d.mean(),
        "permutation": permuted.pvalue,
        "sampled": not exact,
        "ttest": stats.ttest_rel(system, baseline).pvalue,
        "effect": d.mean() / d.std(ddof=1),
        "low": interval.low,
        "high": interval.high,
        "wins": int((d > 0).sum()),
        "ties": int((d == 0).sum()),
        "losses": int((d < 0).sum()),
    }


def groups(name, ids, system, baseline):
    d = [np.asarray(s, float) - np.asarray(b, float) for s, b in zip(system, baseline)]
    questions = sorted({q for group in ids for q in group})
    k, g = len(questions), len(ids)
    macro = np.mean([x.mean() for x in d])

    contributions = np.zeros(k)
    for group, x in zip(ids, d):
        for q, v in zip(group, x):
            contributions[questions.index(q)] += v / (g * len(x))
    signs = np.array(list(itertools.product([-1, 1], repeat=k)))
    sums = np.abs(signs @ contributions)
    permutation = np.mean(sums >= abs(contributions.sum()) - 1e-12)

    y = np.concatenate(d)
    group_of = np.repeat(np.arange(g), [len(x) for x in d])
    cluster_of = np.array([questions.index(q) for group in ids for q in group])
    fit = sm.OLS(y, np.eye(g)[group_of]).fit(
        cov_type="cluster", cov_kwds={"groups": cluster_of, "use_correction": False})
    contrast = np.full(g, 1 / g)
    variance = contrast @ fit.cov_params() @ contrast * k / (k - 1)
    t = macro / np.sqrt(variance)

    draw = np.random.default_rng(3)
    alone = k == len(y)
    replicates = []
    while len(replicates) < 40_000:
        if alone:
            means = [draw.choice(x, len(x)).mean() for x in d]
        else:
            count = np.bincount(draw.integers(k, size=k), minlength=k)[cluster_of]
            means = [np.average(y[group_of == i], weights=count[group_of == i])
                     for i in range(g) if count[group_of == i].sum()]
            if len(means) < g:
                continue
        replicates.append(np.mean(means))
    return {
        "name": name,
        "questions": ids,
        "system": [list(map(float, s)) for s in system],
        "baseline": [list(map(float, b)) for b in baseline],
        "mean": macro,
        "permutation": permutation,
        "ttest": 2 * stats.t.sf(abs(t), k - 1),
        "low": np.percentile(replicates, 2.5),
        "high": np.percentile(replicates, 97.5),
    }


def parallel(k, languages, keep=1.0):
    difficulty = rng.normal(0, 0.2, k)
    ids, system, baseline = [], [], []
    for language in range(languages):
        kept = [i for i in range(k) if rng.random() < keep]
        ids.append([f"q{i:02}" for i in kept])
        baseline.append(rng.normal(0.5, 0.1, len(kept)).round(6))
        gain = 0.05 + 0.03 * language + difficulty[kept] + rng.normal(0, 0.1, len(kept))
        system.append((baseline[-1] + gain).round(6))
    return ids, system, baseline


def separate(sizes):
    ids, system, baseline = [], [], []
    for language, n in enumerate(sizes):
        ids.append([f"l{language}-{i}" for i in range(n)])
        baseline.append(rng.normal(0.5, 0.1, n).round(6))
        system.append((baseline[-1] + rng.normal(0.04, 0.1 * (language + 1), n)).round(6))
    return ids, system, baseline


def holm(p):
    return {"p": list(p), "adjusted": multipletests(p, method="holm")[1].tolist()}


def normal(n, gain):
    baseline = rng.normal(0.5, 0.1, n).round(6)
    return (baseline + rng.normal(gain, 0.1, n)).round(6), baseline


json.dump(
    {
        "pairs": [
            pairs("two", [0.9, 0.4], [0.5, 0.2]),
            pairs("normal 8", *normal(8, 0.1)),
            pairs("normal 14", *normal(14, -0.05)),
            pairs("ndcg 14, sums that tie", ndcg(14, 0.5), ndcg(14, 0.2)),
            pairs("coarse 12", rng.integers(0, 4, 12) / 10, rng.integers(0, 4, 12) / 10),
            pairs("normal 40", *normal(40, 0.03)),
            pairs("ndcg 300", ndcg(300, 0.85), ndcg(300, 0.8)),
            pairs("skewed 100", rng.exponential(1, 100).round(6), rng.exponential(1.2, 100).round(6)),
        ],
        "groups": [
            groups("parallel", *parallel(14, 4)),
            groups("partly parallel", *parallel(14, 3, keep=0.8)),
            groups("separate, of different sizes", *separate([7, 5, 4])),
        ],
        "signs": [
            {"positive": a, "n": n, "p": stats.binomtest(a, n).pvalue}
            for a, n in [(1, 1), (0, 3), (5, 8), (30, 80), (41, 80), (500, 1190),
                         (100, 1190), (2530, 5000), (2380, 5000)]
        ],
        "holm": [
            holm([0.05]),
            holm([0.01, 0.04, 0.03, 0.005]),
            holm([0.5, 0.5, 0.001, 0.001, 1.0]),
            holm(rng.random(30).round(6).tolist()),
            holm((rng.random(12) ** 4).round(9).tolist()),
        ],
    },
    sys.stdout,
    indent=1,
)
print()
