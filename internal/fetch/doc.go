// Package fetch downloads the published datasets to where package dataset reads
// them. It is the only package of the evaluation suite that knows the network.
//
// A file counts as downloaded only if its size and SHA-256 are those on record.
// It takes its place by one rename, so a folder never holds half a file; a
// download that broke off starts again from the beginning.
package fetch
