// Package dataset reads the evaluation sets: questions, documents and relevance
// judgements of one language at a time, checked against each other.
//
// It knows files, and where the published ones come from; package fetch below
// it gets them. It must not know the network, a model, a store or an experiment.
package dataset
