package xortydi

// MaxElementBytes is how long a prediction may be.
var MaxElementBytes = &maxElementBytes
