// Package stack tests the evaluation stack of the project's root: that
// docker-compose.yml, Dockerfile, .dockerignore and docs/stack.md hold what they
// promise and agree with each other and with internal/config, and that the
// commands of the one-shot services run.
//
// It needs no Docker and never starts a container. The package has tests only,
// and nothing imports it.
package stack
