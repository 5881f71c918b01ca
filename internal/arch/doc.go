// Package arch holds the tests that keep the module in shape: which package
// may import which, what the providers have in common, and that the Go code
// in the documentation compiles.
package arch
