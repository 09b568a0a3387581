// Package evalsuite runs the retrieval experiments: it scores every query
// against every passage once and reads any λ, ranking and measure off those
// scores.
//
// Here lies the exact brute force, in float64 and without a store, that the
// real search path is held against. Measures are in package metrics, TREC files
// in package trec. None of them knows a model, an endpoint or gRPC: vectors come
// in as rows of float32.
package evalsuite
