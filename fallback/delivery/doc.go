// Package delivery is about what becomes of a message after a provider took
// it: delivery receipts, and what a provider can promise about them.
package delivery
