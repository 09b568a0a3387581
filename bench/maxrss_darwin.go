package main

// maxrssUnit is what rusage counts peak memory in, in bytes.
const maxrssUnit = 1
