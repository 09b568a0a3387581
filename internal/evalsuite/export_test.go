package evalsuite

// Candidates are the scores that the rule of package trust sees of a question.
var Candidates = candidates
