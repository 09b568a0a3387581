// Package xortydi reads the files of XOR-TyDi QA's retrieval task (XOR-Retrieve,
// github.com/AkariAsai/XORQA): questions with their answers, passages as DPR keeps
// them, and what a system retrieved, as passages' texts or as their ids.
//
// All but the questions is streamed: the passages are the English Wikipedia.
// Errors name file and line. How answers count is package answers' matter, and
// this one knows no score, network or model.
package xortydi

// Bounds on what is read.
const (
	maxLineBytes = 16 << 20 // of questions, passages and rankings
	maxIDBytes   = 512
)

// maxElementBytes is that of a prediction; a variable for the tests.
var maxElementBytes int64 = 64 << 20
