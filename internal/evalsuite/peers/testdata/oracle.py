"""Makes oracle.json, the fused scores that package peers is held against.

How to run, from this folder:

    python3 -m venv /tmp/peers
    /tmp/peers/bin/pip install qdrant-client==1.20.0 langchain-classic==1.0.0 llama-index-core==0.14.25
    /tmp/peers/bin/python oracle.py > oracle.json

Each case has two random lists, with a fixed seed, and a lambda. Under "fused"
it has the score of each document, as these compute it:

    rrf, weighted-rrf, dbsf, formula-zero   qdrant-client's local mode, in double precision
    rrf60, weighted-rrf60                   LangChain's EnsembleRetriever
    min-max                                 LlamaIndex's QueryFusionRetriever

LangChain returns an order without scores: there the figures are 1 for its last
document, 2 for the one before, and so on. Its unweighted form has the weights
0.5 and 0.5. All scores are positive, since LlamaIndex gives 0 to equal scores
that are not, and multiples of 1/1024, so that they are the same in float32.
"""

import json
import random
import sys

from langchain_classic.retrievers import EnsembleRetriever
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from llama_index.core.llms import MockLLM
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.schema import NodeWithScore, TextNode
from qdrant_client import models
from qdrant_client.hybrid.formula import evaluate_expression
from qdrant_client.hybrid.fusion import (
    distribution_based_score_fusion,
    reciprocal_rank_fusion,
)

rng = random.Random(20261122)


def ranking(length, kind):
    ids = rng.sample(range(16), length)
    if kind == "equal":
        scores = [rng.randint(1, 1024)] * length
    else:
        scores = sorted((rng.randint(700, 950) for _ in ids), reverse=True)
    return [["d%02d" % i, s / 1024] for i, s in zip(ids, scores)]


def points(ranking):
    return [models.ScoredPoint(id=int(i[1:]), version=0, score=s) for i, s in ranking]


def by_id(points):
    return {"d%02d" % p.id: p.score for p in points}


def formula(source, anchor, lam):
    expression = models.SumExpression(sum=[
        models.MultExpression(mult=[lam, "$score[0]"]),
        models.MultExpression(mult=[1 - lam, "$score[1]"]),
    ])
    lists = [dict(source), dict(anchor)]
    return {i: evaluate_expression(expression, i, lists, {}, {}, {}) for i in lists[0] | lists[1]}


class Nothing(BaseRetriever):
    def _get_relevant_documents(self, query, *, run_manager):
        return []


def langchain(source, anchor, weights):
    ensemble = EnsembleRetriever(retrievers=[Nothing(), Nothing()], weights=weights)
    lists = [[Document(page_content=i) for i, _ in r] for r in (source, anchor)]
    fused = ensemble.weighted_reciprocal_rank(lists)
    return {d.page_content: len(fused) - at for at, d in enumerate(fused)}


def llamaindex(source, anchor, lam):
    retriever = QueryFusionRetriever(
        [None, None], llm=MockLLM(), num_queries=1, mode="relative_score",
        retriever_weights=[lam, 1 - lam])
    results = {("q", n): [NodeWithScore(node=TextNode(text=i, id_=i), score=s) for i, s in r]
               for n, r in enumerate((source, anchor))}
    return {n.node.node_id: n.score for n in retriever._relative_score_fusion(results)}


cases = []
for n in range(40):
    kind = "equal" if n % 8 == 7 else "spread"
    source, anchor = ranking(rng.choice([0, 1, 2, 10, 12]), kind), ranking(rng.choice([1, 2, 10, 12]), "spread")
    lam = [0, 0.25, 0.5, 0.7, 1][n % 5]
    cases.append({
        "source": source, "anchor": anchor, "lambda": lam,
        "fused": {
            "rrf": by_id(reciprocal_rank_fusion([points(source), points(anchor)], 100)),
            "weighted-rrf": by_id(reciprocal_rank_fusion(
                [points(source), points(anchor)], 100, weights=[lam, 1 - lam])),
            "dbsf": by_id(distribution_based_score_fusion([points(source), points(anchor)], 100)),
            "formula-zero": formula(source, anchor, lam),
            "rrf60": langchain(source, anchor, [0.5, 0.5]),
            "weighted-rrf60": langchain(source, anchor, [lam, 1 - lam]),
            "min-max": llamaindex(source, anchor, lam),
        },
    })
json.dump({"cases": cases}, sys.stdout, indent=None, separators=(",", ":"), sort_keys=True)
print()
