// Package metrics measures rankings against relevance judgements: nDCG@k,
// MRR@k, MAP, Recall@k and Success@k, for each query and averaged.
//
// It is pure arithmetic: it reads no files, and knows nothing of vectors,
// models or stores. The figures are those of trec_eval, to 1e-9, with the
// choices that trec_eval leaves open made here:
//
//   - A document is relevant from grade 1 on. Grade 0, a negative grade and no
//     grade at all count alike: not relevant, gain 0.
//   - nDCG's gain is the grade itself, its discount log2(rank+1); the ideal
//     ranking holds every judged document, retrieved or not.
//   - Every query with a relevant document counts. Where the run has nothing
//     for it, it counts 0, as with trec_eval -c.
//   - A query without a relevant document is left out of everything. trec_eval
//     -c counts it 0 for every system, which moves all means down alike and
//     tells nothing.
//
// # Ties
//
// trec_eval ignores the order and the rank column of a run and sorts it itself:
// by score, equal scores by descending document id. This project ranks equal
// scores by ascending id. So whoever evaluates says which order holds:
// RankedIDs takes a list as it comes, which is right for this project's
// rankings, and TRECOrder sorts it as trec_eval would, which is right for runs
// read from files and for figures set beside those of other tools. Nothing
// else converts between the two. pytrec-eval-terrier 0.5.11 also rounds scores
// to float32 first, and so sees ties where TRECOrder sees none.
package metrics
