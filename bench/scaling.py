"""How many bytes a vector takes in Qdrant's own engine (qdrant-edge-py), by
dimensions, datatype and quantisation: the figures of docs/scaling.md.

    make oracles && .cache/oracles/bin/python bench/scaling.py [POINTS]
    .cache/oracles/bin/python bench/scaling.py xquad ../shared/xquad/e5-small
    .cache/oracles/bin/python bench/scaling.py oversampling ../shared/xquad/e5-small

Each row is a process of its own that stores random unit vectors with a payload
like a passage's, builds the HNSW graph (m = 16, ef_construct = 100), and reads
what its files have come to. With xquad, real vectors are
searched through the graph instead: how much of the exact answer it finds for the
source query, the anchor and their weighted sum. With oversampling, through
quantised vectors, as real and as random ones.
"""

import json
import os
import subprocess
import sys
import tempfile
import time

import numpy

PASSAGE = "Ο ουρανός είναι γαλάζιος, και η θάλασσα είναι βαθιά. " * 8


def unit(rng, dimensions):
    v = rng.standard_normal(dimensions)
    return (v / numpy.linalg.norm(v)).tolist()


def measure(points, dimensions, datatype, quantisation):
    import qdrant_edge as q

    quantisations = {
        "none": lambda: None,
        "int8": lambda: q.ScalarQuantizationConfig(q.ScalarType.Int8, memory=q.Memory.Pinned),
        "binary": lambda: q.BinaryQuantizationConfig(memory=q.Memory.Pinned),
        "turbo4": lambda: q.TurboQuantQuantizationConfig(memory=q.Memory.Pinned, bits=q.TurboQuantBitSize.Bits4),
    }
    folder = tempfile.TemporaryDirectory(prefix="scaling-")
    shard = q.EdgeShard.create(folder.name, q.EdgeConfig(
        vectors=q.EdgeVectorParams(dimensions, q.Distance.Cosine, datatype=getattr(q.VectorStorageDatatype, datatype)),
        quantization_config=quantisations[quantisation](),
        hnsw_config=q.HnswIndexConfig(16, 100, 100),
        optimizers=q.EdgeOptimizersConfig(indexing_threshold=1, default_segment_number=1),
    ))
    rng = numpy.random.default_rng(1)
    start = time.time()
    for first in range(0, points, 500):
        shard.update(q.UpdateOperation.upsert_points([
            q.Point(i, unit(rng, dimensions), {"doc_id": f"doc-{i}", "lang": "el", "chunk": 0, "chunks": 1, "content_hash": "%064x" % i, "text": PASSAGE})
            for i in range(first, min(first + 500, points))
        ]))
    shard.flush()
    filled = time.time()
    shard.optimize()
    shard.flush()
    built = time.time()
    shard.close()
    shard = q.EdgeShard.load(folder.name)  # without what building left behind
    queries = [unit(rng, dimensions) for _ in range(50)]

    def ask(**params):
        out, took = [], []
        for v in queries:
            begun = time.perf_counter()
            found = shard.query(q.QueryRequest(limit=10, query=q.Query.Nearest(v), params=q.SearchParams(**params)))
            took.append(time.perf_counter() - begun)
            out.append({p.id for p in found})
        return out, sorted(took)[len(took) // 2] * 1e3

    exact, exact_ms = ask(exact=True)
    near, near_ms = ask(quantization=q.QuantizationSearchParams(rescore=True))
    recall = sum(len(a & b) for a, b in zip(exact, near)) / (10 * len(queries))
    parts = {}
    for root, _, files in os.walk(folder.name):
        for name in files:
            path = os.path.join(root, name)
            relative = os.path.relpath(path, folder.name)
            kind = next((k for k in ("quantized", "vector_index", "vector_storage", "payload_storage", "payload_index", "wal") if k in relative), "other")
            parts[kind] = parts.get(kind, 0) + os.stat(path).st_blocks * 512 / points
    return {
        "disk": parts, "exact_ms": exact_ms, "hnsw_ms": near_ms, "recall": recall,
        "fill_s": filled - start, "build_s": built - filled,
    }


def approximate(folder):
    """Recall@10 of the graph, of the answers to XQuAD's questions over the passages of nine languages."""
    import qdrant_edge as q

    def read(name):
        with open(os.path.join(folder, name), "rb") as file:
            return numpy.frombuffer(file.read(), "<f4").reshape(-1, 384)

    languages = ["ar", "zh", "el", "th", "tr", "en", "es", "vi", "hi"]
    passages = numpy.concatenate([read(f"{lang}.passages.f32") for lang in languages])
    anchors = read("en.queries.f32")[::5]
    print(f"{len(passages)} passages, {len(anchors)} questions each of zh and th, anchors in English, lambda 0.7; recall@10 by ef")
    for datatype, quantisation in [("Float32", None), ("Float16", None), ("Float32", q.ScalarQuantizationConfig(q.ScalarType.Int8))]:
        with tempfile.TemporaryDirectory(prefix="scaling-") as store:
            shard = q.EdgeShard.create(store, q.EdgeConfig(
                vectors=q.EdgeVectorParams(384, q.Distance.Cosine, datatype=getattr(q.VectorStorageDatatype, datatype)),
                quantization_config=quantisation, hnsw_config=q.HnswIndexConfig(16, 100, 10),
                optimizers=q.EdgeOptimizersConfig(indexing_threshold=1, default_segment_number=1),
            ))
            for first in range(0, len(passages), 200):
                shard.update(q.UpdateOperation.upsert_points([
                    q.Point(i, passages[i].tolist(), {}) for i in range(first, min(first + 200, len(passages)))
                ]))
            shard.optimize()

            def ten(v, **params):
                found = shard.query(q.QueryRequest(limit=10, query=q.Query.Nearest(v.tolist()), params=q.SearchParams(**params)))
                return {p.id for p in found}

            for name, weight in [("source", 1.0), ("anchor", 0.0), ("sum", 0.7)]:
                for ef in (16, 32, 64, 128):
                    hit = total = 0
                    for lang in ("zh", "th"):
                        for source, anchor in zip(read(f"{lang}.queries.f32")[::5], anchors):
                            v = weight * source + (1 - weight) * anchor
                            exact = numpy.argsort(-(passages @ v))[:10]
                            near = ten(v, hnsw_ef=ef, quantization=q.QuantizationSearchParams(rescore=True))
                            hit, total = hit + len(near & set(exact.tolist())), total + 10
                    print(f"{datatype} {'int8' if quantisation else '':4} {name:6} ef {ef:3}: {hit / total:.4f}", flush=True)


def oversampled(folder):
    """Recall@10 by oversampling: of e5-small over XQuAD, and of random vectors."""
    import qdrant_edge as q

    def read(name):
        return numpy.fromfile(os.path.join(folder, name), "<f4").reshape(-1, 384)

    rng = numpy.random.default_rng(1)
    for data, vectors, queries in [
        ("xquad", numpy.concatenate([read(f"{lang}.passages.f32") for lang in ["ar", "zh", "el", "th", "en", "es", "vi", "hi"]]), read("th.queries.f32")[::10]),
        ("random", numpy.array([unit(rng, 384) for _ in range(2000)]), numpy.array([unit(rng, 384) for _ in range(100)])),
    ]:
        for kind, config in [
            ("int8", q.ScalarQuantizationConfig(q.ScalarType.Int8, memory=q.Memory.Pinned)),
            ("product", q.ProductQuantizationConfig(q.CompressionRatio.X16, memory=q.Memory.Pinned)),
            ("binary", q.BinaryQuantizationConfig(memory=q.Memory.Pinned)),
        ]:
            with tempfile.TemporaryDirectory(prefix="scaling-") as store:
                shard = q.EdgeShard.create(store, q.EdgeConfig(
                    vectors=q.EdgeVectorParams(384, q.Distance.Cosine), quantization_config=config, hnsw_config=q.HnswIndexConfig(16, 100, 10),
                    optimizers=q.EdgeOptimizersConfig(indexing_threshold=1, default_segment_number=1),
                ))
                for first in range(0, len(vectors), 200):
                    shard.update(q.UpdateOperation.upsert_points([
                        q.Point(i, vectors[i].tolist(), {}) for i in range(first, min(first + 200, len(vectors)))
                    ]))
                shard.optimize()
                row = []
                for factor in (1.0, 2.0, 3.0, 4.0, 8.0):
                    hit = 0
                    for v in queries:
                        exact = set(numpy.argsort(-(vectors @ v))[:10].tolist())
                        params = q.SearchParams(quantization=q.QuantizationSearchParams(rescore=True, oversampling=factor))
                        found = shard.query(q.QueryRequest(limit=10, query=q.Query.Nearest(v.tolist()), params=params))
                        hit += len(exact & {p.id for p in found})
                    row.append(f"{factor:.0f}: {hit / (10 * len(queries)):.3f}")
                print(f"{len(vectors)} {data:6} {kind:7} recall@10 by oversampling  {'  '.join(row)}", flush=True)


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "xquad":
        approximate(sys.argv[2])
        return
    if len(sys.argv) == 3 and sys.argv[1] == "oversampling":
        oversampled(sys.argv[2])
        return
    if len(sys.argv) > 2:
        points, dimensions, datatype, quantisation = sys.argv[1:]
        print(json.dumps(measure(int(points), int(dimensions), datatype, quantisation)))
        return
    points = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    print(f"{points} points; bytes a point on disk: vectors, quantised, graph, payload")
    for dimensions, datatype, quantisation in [
        (384, "Float32", "none"), (768, "Float32", "none"), (1024, "Float32", "none"), (1024, "Float16", "none"),
        (1024, "Float32", "int8"), (1024, "Float32", "binary"), (1024, "Float32", "turbo4"),
    ]:
        done = subprocess.run([sys.executable, __file__, str(points), str(dimensions), datatype, quantisation], capture_output=True, text=True)
        if done.returncode != 0:
            print(dimensions, datatype, quantisation, "failed:", done.stderr.strip().splitlines()[-1:])
            continue
        r = json.loads(done.stdout)
        d = r["disk"]
        print(f"{dimensions:5} {datatype:8} {quantisation:7} disk {d.get('vector_storage', 0):7.0f} {d.get('quantized', 0):6.0f} {d.get('vector_index', 0):5.0f} {d.get('payload_storage', 0):6.0f}"
              f"  exact {r['exact_ms']:.2f} ms, HNSW {r['hnsw_ms']:.2f} ms, recall@10 {r['recall']:.3f}"
              f"  filled in {r['fill_s']:.0f} s, built in {r['build_s']:.0f} s", flush=True)


main()
