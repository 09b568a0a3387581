// Package peers fuses a source and an anchor ranking as other systems do, so
// that an experiment can set this project's fusion beside theirs on the same
// two lists.
//
// It is pure arithmetic over scored lists: it knows no store, no vectors and no
// measure. The formulas, and what is done with a list of one document or of
// equal scores, were read in the sources of Qdrant 1.19.0 (lib/segment/src/common
// and index/query_optimization/rescore_formula), Weaviate, OpenSearch's
// neural-search, Elasticsearch, LlamaIndex and LangChain. What Qdrant computes
// in float32 is computed in float32 here, so that what ties there ties here.
//
// # Ties
//
// Equal fused scores rank by ascending document id, for every peer, so that the
// output is deterministic. Ties are not rare: under rrf and rrf60 two documents
// that swap ranks always tie. The peers themselves differ: Elasticsearch takes
// the lower document number, which is the rule here; LangChain and LlamaIndex
// put what the first list names first; Weaviate compares the raw scores; and
// Qdrant leaves it to the order of a hash table, another one for every request.
package peers
