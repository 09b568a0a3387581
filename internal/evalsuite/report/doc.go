// Package report writes what the experiments found as one HTML page that needs
// nothing else, with its words and tables in Markdown and the numbers of its
// tables and plots in CSV files beside it.
//
// The page has no scripts, loads nothing, follows the reader's light or dark
// scheme, and can be read on a phone. All texts in it may come from a dataset or
// a translator, so none is trusted: everything is escaped, control characters
// are replaced, and each text stands in a directional isolate of its own. The
// Markdown leaves out the plots and the dataset's texts.
//
// The summary in words is made from the numbers, and says no more than they do:
// a difference is called one only where evalsuite.Difference.Significant holds.
//
// The package knows experiments' results (evalsuite) and printed figures
// (published); it runs nothing, and knows no model, store or endpoint. The same
// input gives the same bytes.
package report
