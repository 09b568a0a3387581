// Package stats says how sure one may be that one system is better than
// another, from what both reached on the same queries: a permutation test, a
// t-test, a bootstrap interval, an effect size and a count of wins.
//
// It knows numbers only: no measures, runs, files or flags. Its random numbers
// come from fixed seeds, so the same input gives the same output, and it keeps
// nothing between two calls.
//
// # Several languages
//
// CompareGroups compares macro averages: the mean over groups (languages) of
// their means. In parallel data one question is asked in every language, and
// where the system fails on it in one, it tends to fail in the others. Such
// pairs are not independent samples. So the question is the unit: all pairs of
// one question are resampled together and flipped together. What is assumed is
// that different questions are independent, nothing about the pairs of one.
//
// It is hence always safe to pass query ids. Ids that are equal by chance join
// pairs that could have stood alone, which leaves the tests valid and costs
// little; parallel questions under different ids make intervals too narrow and
// p-values too small.
package stats
