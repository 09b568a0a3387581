// Package trec reads and writes run and qrels files in the format of trec_eval,
// so that rankings and judgements can be exchanged with other tools.
//
// Columns are separated by spaces or tabs, one line a document; blank lines are
// skipped. A line is at most 1 MiB long. Every error names the file and, where
// there is one, the line. The package knows the formats only: how ties rank is
// decided in package metrics.
package trec
