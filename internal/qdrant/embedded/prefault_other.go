//go:build !linux

package embedded

func prefault([]byte) {}
