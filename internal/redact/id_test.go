package redact

import "testing"

func TestID(t *testing.T) {
	t.Parallel()
	const key = "41a1de35948f915f64907ced9eed4f00"
	for _, test := range []struct{ in, want string }{
		{"", ""},
		{"req-1", "req-1"},
		{"fedcba9876543210fedcba9876543210", "fedcba9876543210fedcba9876543210"},
		{"11111111-2222-3333-4444-55555555555a", "11111111-2222-3333-4444-55555555555a"},
		{"00000000000000000000911234567890", mask},                  // digits only
		{"11111111-2222-3333-4444-555555555555", mask},              // likewise
		{"api-100-911234567890-x", "api-***-x"},                     // holds a number
		{key, mask},                                                 // a secret
		{"fedcba98765432-0fedcba98765432100", "fedcba***fedcba***"}, // neither form
	} {
		if got := ID(test.in, key); got != test.want {
			t.Errorf("ID(%q) = %q, want %q", test.in, got, test.want)
		}
	}
}
