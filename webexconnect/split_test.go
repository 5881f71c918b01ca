package webexconnect_test

import (
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cpaas-go/cpaas/webexconnect"
)

func numbers(from, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = "+44" + strconv.Itoa(9000000000+from+i)
	}
	return out
}

func addressesOf(parts []webexconnect.Request) (all []string, sizes []int) {
	for _, p := range parts {
		n := 0
		for _, d := range p.Destinations {
			ids := slices.Concat(d.MSISDN, d.CustomerID, d.WAID, d.BSUID)
			all = append(all, ids...)
			n += len(ids)
		}
		sizes = append(sizes, n)
	}
	return all, sizes
}

func TestSplit(t *testing.T) {
	t.Parallel()
	r := sms()
	r.CorrelationID = "campaign-1"
	r.Destinations = []webexconnect.Destination{
		{MSISDN: numbers(0, 3), CorrelationID: "a"},
		{MSISDN: numbers(3, 5), CorrelationID: "b"},
		{CustomerID: []string{"c1"}, CorrelationID: "c"},
		{MSISDN: numbers(8, 2), CorrelationID: "d"},
	}
	r.GTRIDs = []string{"ga", "gb", "gc", "gd"}
	parts := slices.Collect(r.Split(4))
	all, sizes := addressesOf(parts)
	assert.Equal(t, []int{4, 4, 3}, sizes)
	assert.Equal(t, slices.Concat(numbers(0, 8), []string{"c1"}, numbers(8, 2)), all, "each once, in order")
	var ids, gtr [][]string
	for _, p := range parts {
		require.NoError(t, p.Validate())
		assert.Equal(t, "campaign-1", p.CorrelationID)
		var of []string
		for _, d := range p.Destinations {
			of = append(of, d.CorrelationID)
		}
		ids, gtr = append(ids, of), append(gtr, p.GTRIDs)
	}
	assert.Equal(t, [][]string{{"a", "b"}, {"b"}, {"c", "d"}}, ids)
	assert.Equal(t, [][]string{{"ga", "gb"}, {"gb"}, {"gc", "gd"}}, gtr)
	assert.Len(t, r.Destinations[1].MSISDN, 5, "the request itself is not changed")
}

func TestSplitSizes(t *testing.T) {
	t.Parallel()
	r := sms()
	r.Destinations = []webexconnect.Destination{webexconnect.ToPhone(numbers(0, 2500)...)}
	for size, want := range map[int][]int{0: {1000, 1000, 500}, 1001: {1000, 1000, 500}, -1: {1000, 1000, 500}, 1000: {1000, 1000, 500}, 999: {999, 999, 502}} {
		parts := slices.Collect(r.Split(size))
		all, sizes := addressesOf(parts)
		assert.Equal(t, want, sizes, "%d", size)
		assert.Equal(t, numbers(0, 2500), all)
	}
	for part := range r.Split(1) { // stops when told to
		assert.Equal(t, numbers(0, 1), part.Destinations[0].MSISDN)
		break
	}
	r.Destinations = append(r.Destinations, webexconnect.ToPhone("+1"))
	for range r.Split(0) {
		break
	}
}

func TestSplitKeepsWhatBelongsTogether(t *testing.T) {
	t.Parallel()
	both := webexconnect.Destination{WAID: []string{"w1", "w2"}, BSUID: []string{"b1", "b2"}}
	r := webexconnect.NewWhatsApp("a", webexconnect.WhatsApp{Text: &webexconnect.WhatsAppText{Body: "x"}}, webexconnect.ToWhatsApp("w0"), both, webexconnect.ToWhatsApp("w3"))
	_, sizes := addressesOf(slices.Collect(r.Split(3)))
	assert.Equal(t, []int{1, 4, 1}, sizes)
}

// TestSplitLeavesMistakesToSend: what is wrong before is wrong after.
func TestSplitLeavesMistakesToSend(t *testing.T) {
	t.Parallel()
	r := sms()
	r.Destinations = nil
	parts := slices.Collect(r.Split(0))
	require.Len(t, parts, 1)
	require.Error(t, parts[0].Validate())

	r = sms()
	r.Destinations = append(r.Destinations, webexconnect.Destination{CorrelationID: "nobody"})
	r.GTRIDs = []string{"only one"}
	parts = slices.Collect(r.Split(0))
	require.Len(t, parts, 1)
	assert.Equal(t, "destination[1], gtrId", paths(t, parts[0].Validate()))
}
