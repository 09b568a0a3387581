"""Answers a script of operations as another implementation of Qdrant does.

    oracle.py edge|client <script.jsonl >answers.jsonl

edge is qdrant-edge-py, the engine of Qdrant's own server; client is the local
mode of qdrant-client, which is written in numpy. A line of the script is one
operation, a line of the answers is what it gave, in the same order. Vectors are
little-endian float32 in base64, so that they arrive bit for bit.
"""

import base64
import json
import sys
import tempfile
import warnings
from array import array


def unpack(text):
    return array("f", base64.b64decode(text)).tolist()


def pack(vector):
    return base64.b64encode(array("f", vector).tobytes()).decode()


def point(found, scored=False):
    out = {"id": found.id if isinstance(found.id, int) else str(found.id)}
    if scored:
        out["score"] = found.score
    if found.payload is not None:
        out["payload"] = found.payload
    if found.vector is not None:
        out["vector"] = pack(found.vector)
    return out


class Edge:
    def __init__(self):
        import qdrant_edge

        self.q = qdrant_edge
        self.shard = None

    def create(self, op):
        if self.shard is not None:
            self.shard.close()
        q = self.q
        self.folder = tempfile.TemporaryDirectory(prefix="oracle-")
        params = q.EdgeVectorParams(size=op["size"], distance=getattr(q.Distance, op["distance"]))
        self.shard = q.EdgeShard.create(self.folder.name, q.EdgeConfig(vectors=params))

    def upsert(self, op):
        points = [self.q.Point(p["id"], unpack(p["vector"]), p.get("payload", {})) for p in op["points"]]
        self.shard.update(self.q.UpdateOperation.upsert_points(points))

    def delete(self, op):
        if "filter" in op:
            self.shard.update(self.q.UpdateOperation.delete_points_by_filter(self.filter(op["filter"])))
        else:
            self.shard.update(self.q.UpdateOperation.delete_points(op["ids"]))

    def query(self, op):
        found = self.shard.query(self.q.QueryRequest(
            query=self.q.Query.Nearest(unpack(op["vector"])),
            filter=self.filter(op.get("filter")),
            limit=op["limit"],
            offset=op.get("offset"),
            score_threshold=op.get("score_threshold"),
            with_payload=self.selector(op["with_payload"]),
            with_vector=op["with_vector"],
            params=self.q.SearchParams(exact=op["exact"]),
        ))
        return {"points": [point(p, scored=True) for p in found]}

    def scroll(self, op):
        found, following = self.shard.scroll(self.q.ScrollRequest(
            offset=op.get("offset"),
            limit=op["limit"],
            filter=self.filter(op.get("filter")),
            with_payload=self.selector(op["with_payload"]),
            with_vector=op["with_vector"],
        ))
        out = {"points": [point(p) for p in found]}
        if following is not None:
            out["next"] = following if isinstance(following, int) else str(following)
        return out

    def count(self, op):
        return {"count": self.shard.count(self.q.CountRequest(exact=True, filter=self.filter(op.get("filter"))))}

    def get(self, op):
        found = self.shard.retrieve(op["ids"], self.selector(op["with_payload"]), op["with_vector"])
        return {"points": [point(p) for p in found]}

    def selector(self, selector):
        if isinstance(selector, bool):
            return selector
        if "include" in selector:
            return self.q.PayloadSelector.Include(selector["include"])
        return self.q.PayloadSelector.Exclude(selector["exclude"])

    def filter(self, f):
        if f is None:
            return None
        fields = {k: [self.condition(c) for c in f[k]] for k in ("must", "should", "must_not") if k in f}
        if "min_should" in f:
            m = f["min_should"]
            fields["min_should"] = self.q.MinShould([self.condition(c) for c in m["conditions"]], m["min_count"])
        return self.q.Filter(**fields)

    def condition(self, c):
        q = self.q
        if "has_id" in c:
            return q.HasIdCondition(set(c["has_id"]))
        if "is_empty" in c:
            return q.IsEmptyCondition(c["is_empty"]["key"])
        if "is_null" in c:
            return q.IsNullCondition(c["is_null"]["key"])
        if "nested" in c:
            return q.NestedCondition(c["nested"]["key"], self.filter(c["nested"]["filter"]))
        if "key" not in c:
            return self.filter(c)
        fields = {}
        if "match" in c:
            m = c["match"]
            if "value" in m:
                fields["match"] = q.MatchValue(m["value"])
            elif "any" in m:
                fields["match"] = q.MatchAny(m["any"])
            else:
                fields["match"] = q.MatchExcept(m["except"])
        if "range" in c:
            r = c["range"]
            dates = any(isinstance(bound, str) for bound in r.values())
            fields["range"] = (q.RangeDateTime if dates else q.RangeFloat)(**r)
        if "values_count" in c:
            fields["values_count"] = q.ValuesCount(**c["values_count"])
        return q.FieldCondition(c["key"], **fields)


class Client:
    name = "points"

    def __init__(self):
        import qdrant_client

        self.m = qdrant_client.models
        self.c = qdrant_client.QdrantClient(":memory:")

    def create(self, op):
        if self.c.collection_exists(self.name):
            self.c.delete_collection(self.name)
        distance = getattr(self.m.Distance, op["distance"].upper())
        self.c.create_collection(self.name, self.m.VectorParams(size=op["size"], distance=distance))

    def upsert(self, op):
        self.c.upsert(self.name, [
            self.m.PointStruct(id=p["id"], vector=unpack(p["vector"]), payload=p.get("payload", {})) for p in op["points"]
        ])

    def delete(self, op):
        if "filter" in op:
            self.c.delete(self.name, self.m.FilterSelector(filter=self.filter(op)))
        else:
            self.c.delete(self.name, self.m.PointIdsList(points=op["ids"]))

    def query(self, op):
        found = self.c.query_points(
            self.name, unpack(op["vector"]), query_filter=self.filter(op), limit=op["limit"], offset=op.get("offset"),
            score_threshold=op.get("score_threshold"), with_payload=self.selector(op), with_vectors=op["with_vector"],
        )
        return {"points": [point(p, scored=True) for p in found.points]}

    def scroll(self, op):
        found, following = self.c.scroll(
            self.name, self.filter(op), limit=op["limit"], offset=op.get("offset"),
            with_payload=self.selector(op), with_vectors=op["with_vector"],
        )
        out = {"points": [point(p) for p in found]}
        if following is not None:
            out["next"] = following
        return out

    def count(self, op):
        return {"count": self.c.count(self.name, self.filter(op)).count}

    def get(self, op):
        found = self.c.retrieve(self.name, op["ids"], with_payload=self.selector(op), with_vectors=op["with_vector"])
        return {"points": [point(p) for p in found]}

    def selector(self, op):
        selector = op["with_payload"]
        if isinstance(selector, bool):
            return selector
        if "include" in selector:
            return self.m.PayloadSelectorInclude(**selector)
        return self.m.PayloadSelectorExclude(**selector)

    def filter(self, op):
        return self.m.Filter.model_validate(op["filter"]) if op.get("filter") is not None else None


def main():
    warnings.simplefilter("ignore")  # stderr is for what fails
    oracle = {"edge": Edge, "client": Client}[sys.argv[1]]()
    for line in sys.stdin:
        op = json.loads(line)
        try:
            answer = getattr(oracle, op["op"])(op) or {}
        except Exception as e:  # a refusal is an answer too
            answer = {"error": f"{type(e).__name__}: {e}"}
        print(json.dumps(answer))


main()
