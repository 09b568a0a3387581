// Package querysynergy retrieves passages in languages that embedding models
// know less well than English, from Go. It is what the commands indexer and
// query are built on, with a surface of its own that other programs can import.
//
// A query is embedded twice, as it was asked and as its anchor: the same
// question in a language that models know well. Documents are ranked, exactly,
// by
//
//	λ·cos(query, document) + (1 − λ)·cos(anchor, document)
//
// The ways in:
//
//   - [Open] makes a [Retriever] for one corpus: in a folder ([WithFolder]) or on
//     a Qdrant server ([WithQdrant]), with any OpenAI-compatible endpoint
//     ([WithEndpoint]) or an [Embedder] of your own ([WithEmbedder]), and with a
//     [Translator] that writes the anchors, if there is to be one.
//     [FromEnvironment] goes by the variables that the commands go by.
//   - [Retriever.Add] indexes documents, new and changed ones only.
//   - [Retriever.Retrieve] answers a query. Its [Result] says what became of the
//     anchor, and whether the hits are proven to be the best of the whole index.
//
// A translator that is down, slow or wrong costs the anchor and not the answer:
// the ranking is then that of the query alone, and [Anchor.Status] says why.
//
// Adapters for frameworks are modules of their own, below adapters: langchaingo
// and eino. docs/library.md shows all of it at work.
//
// No call leaves the machine but to the endpoints that were named. The package
// reads no environment variable unless FromEnvironment says so, writes nothing
// outside the folders it was given, and logs only to the logger it was given.
package querysynergy
