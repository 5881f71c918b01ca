package cascade

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
)

var alphabet = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// Ref is an attempt's own reference: the same whenever it is derived from the
// same parts, 32 characters of [0-9a-v], and of no use for finding the
// recipient's address.
func Ref(key, address, channel, provider string, stage, leg, alt int) string {
	buf := make([]byte, 0, 256)
	for _, part := range [...]string{key, address, channel, provider} {
		buf = binary.AppendUvarint(buf, uint64(len(part)))
		buf = append(buf, part...)
	}
	for _, n := range [...]int{stage, leg, alt} {
		buf = binary.AppendUvarint(buf, uint64(n)) //nolint:gosec // an index
	}
	sum := sha256.Sum256(buf)
	return alphabet.EncodeToString(sum[:20])
}

// Key is a new message key.
func Key() string {
	var b [15]byte
	rand.Read(b[:])
	return alphabet.EncodeToString(b[:])
}
