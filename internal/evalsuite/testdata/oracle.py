"""Makes oracle.json, the figures that package metrics is held against.

How to run, from this folder:

    python3 -m venv /tmp/oracle
    /tmp/oracle/bin/pip install pytrec-eval-terrier==0.5.11 ir-measures==0.4.3
    /tmp/oracle/bin/python oracle.py > oracle.json

The runs are random, with a fixed seed: tied scores, graded, negative and
unjudged documents, lists shorter than k, queries without relevant documents,
and queries that the run lacks. Scores are multiples of 1/8, since this
pytrec_eval rounds scores to float32.

"pytrec_eval" has what trec_eval's own code gives for each query, with its tie
order. trec_eval has no cut-off for the reciprocal rank; there "mrr@k" is
recip_rank where that is 1/k or better, else 0.
"ir_measures_rr" has RR@k by MS MARCO's rule, which breaks ties by ascending
document id, as this project does.
"ir_measures_mean" has ir_measures' averages over the queries with a relevant
document.
"""

import json
import random
import sys

import ir_measures
import pytrec_eval
from ir_measures import AP, R, RR, Success, nDCG

CUTS = (1, 3, 5, 10, 100)
rng = random.Random(20240607)


def judgements(kind):
    docs = rng.sample(range(40), rng.randint(1, 30))
    grades = {
        "binary": [0, 1],
        "graded": [0, 0, 1, 2, 3],
        "negative": [-2, -1, 0, 1, 4],
        "none": [0],
    }[kind]
    return {f"d{d}": rng.choice(grades) for d in docs}


def scores(ties):
    docs = rng.sample(range(50), rng.choice([1, 3, 8, 20, 45]))
    values = rng.sample(range(-400, 400), len(docs))
    if ties:
        values = [rng.randint(-2, 3) for _ in docs]
    return {f"d{d}": v / 8 for d, v in zip(docs, values)}


qrels, run = {}, {}
for i in range(80):
    kind = "none" if i % 16 == 15 else rng.choice(["binary", "graded", "negative"])
    qrels[f"q{i}"] = judgements(kind)
    if i % 10 != 9:
        run[f"q{i}"] = scores(ties=i % 3 != 0)
run["unjudged-query"] = scores(ties=True)

relevant = {q: grades for q, grades in qrels.items() if max(grades.values()) > 0}

names = {"map": "map"}
for k in CUTS:
    names[f"ndcg_cut_{k}"] = f"ndcg@{k}"
    names[f"recall_{k}"] = f"recall@{k}"
    names[f"success_{k}"] = f"success@{k}"
evaluator = pytrec_eval.RelevanceEvaluator(
    relevant,
    {"map", "recip_rank"}
    | {f"{m}.{','.join(map(str, CUTS))}" for m in ("ndcg_cut", "recall", "success")},
)
per_query = {}
for query, values in evaluator.evaluate(run).items():
    per_query[query] = {ours: values[theirs] for theirs, ours in names.items()}
    for k in CUTS:
        rr = values["recip_rank"]
        per_query[query][f"mrr@{k}"] = rr if rr * k > 1 - 1e-9 else 0.0

rr = {}
for metric in ir_measures.iter_calc([RR @ k for k in CUTS], relevant, run):
    if metric.query_id in relevant:
        rr.setdefault(metric.query_id, {})[f"mrr@{metric.measure['cutoff']}"] = metric.value

means = {"map": AP}
for k in CUTS:
    means |= {f"ndcg@{k}": nDCG @ k, f"recall@{k}": R @ k, f"success@{k}": Success @ k}
aggregate = ir_measures.calc_aggregate(list(means.values()), relevant, run)

json.dump(
    {
        "qrels": qrels,
        "run": run,
        "pytrec_eval": per_query,
        "ir_measures_rr": rr,
        "ir_measures_mean": {name: aggregate[m] for name, m in means.items()},
    },
    sys.stdout,
    indent=0,
    sort_keys=True,
)
sys.stdout.write("\n")
