"""Evaluates the sweep of one language with ranx, from score matrices.

    sweep_ranx.py DIR

Reads lines of JSON from stdin, {"lang", "mode", "lambdas"}, and answers each
with one on stdout: {"build": seconds, "evaluate": seconds, "figures": [[nDCG@1,
@3, @10] by lambda], "ties": n}. DIR holds LANG.json, {"queries", "documents",
"relevant": column of the one relevant document, by query}, and LANG.source.f64
and LANG.anchor.f64, little-endian, a row for each query. Reading these, and the
judgements made once a language, are not timed.

"build" runs from the two matrices to what ranx.evaluate takes; "evaluate" is
ranx.evaluate. The modes differ in what is built:

    whole   Run.from_dict, all documents
    top     Run.from_dict, only the ten best of each query, cut by numpy
    arrays  no Run: the ten best of each query, ordered by numpy, as the array
            that ranx.evaluate takes as well
"""

import functools
import json
import pathlib
import sys
import time

import numpy as np
import ranx

METRICS = ["ndcg@1", "ndcg@3", "ndcg@10"]
DEPTH = 10


class Language:
    def __init__(self, folder, lang):
        names = json.loads((folder / f"{lang}.json").read_text())
        self.queries, self.documents = names["queries"], names["documents"]
        self.relevant = np.array(names["relevant"])
        shape = len(self.queries), len(self.documents)
        self.source, self.anchor = (
            np.fromfile(folder / f"{lang}.{which}.f64", dtype="<f8").reshape(shape) for which in ("source", "anchor")
        )
        self.qrels = ranx.Qrels({q: {self.documents[d]: 1} for q, d in zip(self.queries, names["relevant"])})
        # Judgements as an array: by query, then judged document, its number and grade.
        self.array = np.ones((shape[0], 1, 2))
        self.array[:, 0, 0] = self.relevant

    def fused(self, weight):
        return weight * self.source + (1 - weight) * self.anchor

    def ties(self, scores):
        """How many documents score exactly what the relevant one of their query does."""
        own = scores[np.arange(len(scores)), self.relevant]
        return int(np.count_nonzero(scores == own[:, None])) - len(scores)


def whole(language, scores):
    documents = language.documents
    run = {q: dict(zip(documents, row)) for q, row in zip(language.queries, scores.tolist())}
    return language.qrels, ranx.Run.from_dict(run)


def best(scores):
    """The columns of the ten best of each row, in any order, and their scores."""
    columns = np.argpartition(scores, -DEPTH, axis=1)[:, -DEPTH:]
    return columns, np.take_along_axis(scores, columns, axis=1)


def top(language, scores):
    columns, values = best(scores)
    names = np.array(language.documents, dtype=object)[columns]
    run = {q: dict(zip(row, of)) for q, row, of in zip(language.queries, names.tolist(), values.tolist())}
    return language.qrels, ranx.Run.from_dict(run)


def arrays(language, scores):
    columns, values = best(scores)
    order = np.argsort(-values, axis=1)
    run = np.empty((*order.shape, 2))
    run[:, :, 0] = np.take_along_axis(columns, order, axis=1)
    run[:, :, 1] = np.take_along_axis(values, order, axis=1)
    return language.array, run


MODES = {"whole": whole, "top": top, "arrays": arrays}


def sweep(language, mode, weights):
    reply = {"build": 0.0, "evaluate": 0.0, "figures": [], "ties": 0}
    for weight in weights:
        start = time.perf_counter()
        scores = language.fused(weight)
        qrels, run = MODES[mode](language, scores)
        built = time.perf_counter()
        figures = ranx.evaluate(qrels, run, METRICS)
        done = time.perf_counter()
        del run  # before the next is made: what it takes to free one is not timed
        reply["build"] += built - start
        reply["evaluate"] += done - built
        reply["figures"].append([float(figures[m]) for m in METRICS])
        reply["ties"] += language.ties(scores)
    return reply


def main():
    folder = pathlib.Path(sys.argv[1])
    language = functools.cache(lambda lang: Language(folder, lang))
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(sweep(language(asked["lang"]), asked["mode"], asked["lambdas"])), flush=True)


main()
