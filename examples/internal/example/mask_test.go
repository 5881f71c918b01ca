package example

import "testing"

func TestMask(t *testing.T) {
	t.Parallel()
	const secret = `se"cr\et"`
	for in, want := range map[string]string{
		"key " + secret + " abc":            "key *** abc",
		`{"secret": "se\"cr\\et\"", "a":1}`: `{"secret": "***", "a":1}`,
	} {
		if got := mask(in, []string{secret, "abc", ""}); got != want {
			t.Errorf("%q is %q, not %q", in, got, want)
		}
	}
}
