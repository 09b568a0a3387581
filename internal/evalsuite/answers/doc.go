// Package answers measures whether a ranking holds the answer to a question:
// R@2kt and R@5kt, the share of the questions whose answer occurs within the
// first 2,000 or 5,000 tokens of the ranked passages.
//
// It is pure arithmetic over texts: it reads no files, and knows nothing of
// vectors, models, stores or relevance judgements.
//
// The definition is that of XOR-Retrieve (Asai et al., XOR QA, NAACL 2021, and
// evals/eval_xor_retrieve.py in github.com/AkariAsai/XORQA): the tokens of the
// passages, in ranked order, are cut to the budget and joined by single spaces,
// and an answer counts where it is a substring of that, case and all. The
// answers "yes" and "no" do not count, nor does a question that has no others.
// A figure is reported per language, and averaged over the languages.
//
// Answers are not tokenized, so one that holds a bracket, a quotation mark or a
// comma between words cannot be found. That is the published measure; figures
// set beside it must share the loss. One thing differs: a question for which
// nothing was retrieved counts 0 here; the published script leaves it out.
//
// # Tokens
//
// Tokens are those of NLTK's English word_tokenize, which looks for sentences
// and then splits each by rules that descend from the Penn Treebank.
//
// Words follows NLTKWordTokenizer of NLTK 3.10.4 token for token. What differs
// is out of the way of real text: a contraction that runs into 'tis or 'twas
// ("gimme'tis") or into a combining mark, and letters outside ASCII that fold
// into a contraction.
//
// Sentences decides by rules and a short list of abbreviations where NLTK asks
// Punkt, a model trained on the Wall Street Journal. Where the two disagree, a
// period is a token of its own for one and the end of a word for the other, so
// that a budget ends a token earlier or later. TestXQuADEqualsNLTK counts: of
// 240 passages each in English, Spanish, Turkish and Chinese, five have other
// tokens than NLTK's, by one period each, and over 4,759 questions R@2kt and
// R@5kt are the same for every one.
//
// The rules were made for English, as was the measure. Chinese and Thai, which
// write no spaces, come out as few long tokens, so a budget reaches much
// further there: compare systems within a language, not languages.
package answers
