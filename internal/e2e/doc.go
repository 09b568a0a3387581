// Package e2e tests the commands as people run them: real processes, on a real
// store, against an endpoint over HTTP. They are killed at random moments, run
// out of disk space, and compete for one store; what the store holds is then
// compared, bit for bit, with what it should.
//
// The package has tests only, and nothing imports it.
package e2e
