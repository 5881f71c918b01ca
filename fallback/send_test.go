package fallback_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/fallbacktest"
	"github.com/cpaas-go/cpaas/internal/testutil"
)

const number = "+919812345678"

func hello() fallback.Message {
	return fallback.Message{
		Key: "order-1", To: fallback.Recipient{Phone: number, Email: "user@example.com"}, Text: "hello there",
	}
}

func refusing(provider string, errs ...error) *fallbacktest.Sender {
	return &fallbacktest.Sender{Provider: provider, Errs: errs}
}

// TestWhatEachErrorDoes is the table of errors.go: a route of RCS with an
// alternative, SMS and e-mail, whose first leg fails with each error.
func TestWhatEachErrorDoes(t *testing.T) {
	t.Parallel()
	const (
		alternative = "alternative"
		sms         = "sms"
		mail        = "mail"
		nobody      = "nobody"
		first       = "first"
	)
	for _, test := range []struct {
		err    error
		next   string // who is tried next, and accepts
		normal fallback.Outcome
		promo  string
	}{
		{nil, first, fallback.Accepted, first},
		{fallback.ErrDuplicate, first, fallback.Accepted, first},
		{fallback.ErrNotOnChannel, sms, fallback.Accepted, sms},
		{fallback.ErrInvalidRequest, sms, fallback.Accepted, sms},
		{fallback.ErrContentRejected, sms, fallback.Accepted, sms},
		{fallback.ErrFrequencyCapped, sms, fallback.Accepted, nobody},
		{fallback.ErrRateLimited, alternative, fallback.Accepted, alternative},
		{fallback.ErrInsufficientCredit, alternative, fallback.Accepted, alternative},
		{fallback.ErrUnauthorized, alternative, fallback.Accepted, alternative},
		{fallback.ErrForbidden, alternative, fallback.Accepted, alternative},
		{fallback.ErrUnavailable, alternative, fallback.Accepted, alternative},
		{fallback.ErrInvalidRecipient, mail, fallback.Accepted, mail},
		{fallback.ErrOptedOut, nobody, fallback.Failed, nobody},
		{fallback.ErrMaybeAccepted, alternative, fallback.Accepted, nobody},
		{fallback.ErrDecode, alternative, fallback.Accepted, nobody},
		{errors.New("something else"), alternative, fallback.Accepted, nobody},
		{context.DeadlineExceeded, alternative, fallback.Accepted, nobody},
		{&net.OpError{Op: "dial", Err: errors.New("refused")}, alternative, fallback.Accepted, alternative},
		{&net.DNSError{Err: "no such host"}, alternative, fallback.Accepted, alternative},
		{&net.OpError{Op: "read", Err: errors.New("reset")}, alternative, fallback.Accepted, nobody},
		{fmt.Errorf("wrapped: %w", errors.Join(fallback.ErrInvalidRequest, fallback.ErrMaybeAccepted)), alternative, fallback.Accepted, nobody},
	} {
		t.Run(fmt.Sprint(test.err), func(t *testing.T) {
			t.Parallel()
			for _, class := range []fallback.Class{fallback.Transactional, fallback.OTP, fallback.Promotional} {
				want := test.next
				if class == fallback.Promotional {
					want = test.promo
				}
				legs := map[string]*fallbacktest.Sender{
					first: refusing("p1", test.err), alternative: refusing("p2"), sms: refusing("p3"), mail: refusing("p4"),
				}
				m := hello()
				m.Class = class
				res, err := fallback.Route{
					legs[first].On(fallback.RCS).Or(legs[alternative].On(fallback.RCS)),
					legs[sms].On(fallback.SMS),
					legs[mail].On(fallback.Email),
				}.Send(t.Context(), m)

				for name, leg := range legs {
					sent := 0
					if name == first || name == want {
						sent = 1
					}
					assert.Len(t, leg.Sent(), sent, "%s, %s", class, name)
				}
				ambiguous := errors.Is(test.err, fallback.ErrMaybeAccepted) || test.promo == nobody && want == nobody && test.next == alternative
				switch {
				case want != nobody:
					require.NoError(t, err)
					assert.Equal(t, fallback.Accepted, res.Outcome)
				case ambiguous:
					assert.Equal(t, fallback.Unknown, res.Outcome)
					require.ErrorIs(t, err, fallback.ErrMaybeAccepted)
				default:
					assert.Equal(t, fallback.Failed, res.Outcome)
					require.ErrorIs(t, err, test.err)
					require.NotErrorIs(t, err, fallback.ErrMaybeAccepted)
				}
				moved := want == alternative && test.promo == nobody
				assert.Equal(t, moved, res.PossibleDuplicate)
				for _, a := range res.Attempts {
					assert.NotEmpty(t, a.Next)
				}
			}
		})
	}
}

func TestAtMostOnceStopsWhateverTheClass(t *testing.T) {
	t.Parallel()
	sms := fallbacktest.Accepting()
	m := hello()
	m.Class, m.AtMostOnce = fallback.OTP, true
	res, err := fallback.Route{refusing("a", fallback.ErrMaybeAccepted).On(fallback.RCS), sms.On(fallback.SMS)}.Send(t.Context(), m)
	require.ErrorIs(t, err, fallback.ErrMaybeAccepted)
	assert.Equal(t, fallback.Unknown, res.Outcome)
	assert.Empty(t, sms.Sent())
	assert.False(t, res.PossibleDuplicate)
}

func TestUnknownOnTheLastLegIsNeverFailed(t *testing.T) {
	t.Parallel()
	res, err := fallback.Route{
		refusing("a", errors.New("read: connection reset")).On(fallback.RCS),
		refusing("b", fallback.ErrUnavailable).On(fallback.SMS),
	}.Send(t.Context(), hello())
	require.ErrorIs(t, err, fallback.ErrMaybeAccepted, "an error that no sentinel matches")
	require.ErrorIs(t, err, fallback.ErrUnavailable)
	assert.Equal(t, fallback.Unknown, res.Outcome)
}

func TestRefsAreTheAttemptsOwn(t *testing.T) {
	t.Parallel()
	send := func(m fallback.Message) []string {
		s := refusing("same", fallback.ErrUnavailable)
		_, err := fallback.Route{
			s.On(fallback.RCS).Or(s.On(fallback.RCS)), fallback.AtOnce(s.On(fallback.SMS), s.On(fallback.SMS)), s.On(fallback.SMS),
		}.Send(t.Context(), m)
		require.Error(t, err)
		var refs []string
		for _, sub := range s.Sent() {
			refs = append(refs, sub.Ref)
			assert.Regexp(t, `^[0-9A-Za-z-]{1,50}$`, sub.Ref)
		}
		return refs
	}
	refs := send(hello())
	require.Len(t, refs, 5)
	seen := map[string]bool{}
	for _, ref := range refs {
		assert.False(t, seen[ref], "each attempt has another reference")
		seen[ref] = true
	}
	assert.ElementsMatch(t, refs, send(hello()), "the same message has the same references")
	other := hello()
	other.Key = "order-2"
	for _, ref := range send(other) {
		assert.False(t, seen[ref])
	}
	other = hello()
	other.To.Phone = "+919812345679"
	for _, ref := range send(other) {
		assert.False(t, seen[ref])
	}
}

func TestEmptyKeyIsMade(t *testing.T) {
	t.Parallel()
	m := hello()
	m.Key = ""
	s := fallbacktest.Accepting()
	a, err := fallback.Route{s.On(fallback.SMS)}.Send(t.Context(), m)
	require.NoError(t, err)
	b, err := fallback.Route{s.On(fallback.SMS)}.Send(t.Context(), m)
	require.NoError(t, err)
	assert.NotEmpty(t, a.Key)
	assert.NotEqual(t, a.Key, b.Key)
	assert.Equal(t, a.Key, s.Sent()[0].Message.Key)
}

func TestPassedOver(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*fallback.Message)
		want   []string
	}{
		"nobody is": {func(*fallback.Message) {}, []string{"rcs", "sms", "email", "telegram"}},
		"no phone":  {func(m *fallback.Message) { m.To.Phone = "" }, []string{"email", "telegram"}},
		"not E.164": {func(m *fallback.Message) { m.To.Phone = "9812345678" }, []string{"email", "telegram"}},
		"no e-mail": {func(m *fallback.Message) { m.To.Email = "" }, []string{"rcs", "sms", "telegram"}},
		"only some": {func(m *fallback.Message) { m.To.Only = []fallback.Channel{fallback.SMS} }, []string{"sms"}},
		"none":      {func(m *fallback.Message) { m.To.Only = []fallback.Channel{} }, nil},
		"nothing to show": {func(m *fallback.Message) {
			m.Text = ""
			m.Content = fallback.Contents{fallback.SMS: fallback.Text("x")}
		}, []string{"sms"}},
		"not by this leg": {func(m *fallback.Message) { m.Content = fallback.Contents{fallback.RCS: fallback.Mail{}} }, []string{"sms", "email", "telegram"}},
		"other comes first": {func(m *fallback.Message) {
			m.To.Phone = ""
			m.To.Other = map[fallback.Channel]string{fallback.SMS: "12", "telegram": "7"}
		}, []string{"sms", "email", "telegram"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sent []string
			sender := checked{fallback.SenderFunc(func(_ context.Context, s fallback.Submission) (fallback.Ack, error) {
				sent = append(sent, string(s.Channel))
				return fallback.Ack{}, fallback.ErrUnavailable
			})}
			leg := func(ch fallback.Channel) fallback.Leg {
				return fallback.Leg{Channel: ch, Provider: "x", Sender: sender}
			}
			m := hello()
			m.To.Other = map[fallback.Channel]string{"telegram": "7"}
			test.change(&m)
			route := fallback.Route{leg(fallback.RCS), leg(fallback.SMS), leg(fallback.Email), leg("telegram")}

			plan, err := route.Explain(m)
			require.NoError(t, err)
			assert.Empty(t, sent, "Explain sends nothing")
			var planned []string
			for _, p := range plan {
				if p.Skipped == "" {
					planned = append(planned, string(p.Channel))
				}
			}
			res, err := route.Send(t.Context(), m)
			require.Error(t, err)
			assert.Equal(t, test.want, sent)
			assert.Equal(t, test.want, planned, "Explain says what Send does")
			assert.Len(t, res.Attempts, 4, "those passed over are listed")
			for _, a := range res.Attempts {
				assert.Equal(t, a.Started.IsZero(), a.Next == "passed over")
				require.Error(t, a.Err)
			}
		})
	}
}

// checked shows texts only.
type checked struct{ fallback.Sender }

func (checked) Check(s fallback.Submission) error {
	if _, ok := s.Content.(fallback.Text); !ok {
		return fmt.Errorf("%w: texts only", fallback.ErrInvalidRequest)
	}
	return nil
}

func TestBadAddressEndsItsSteps(t *testing.T) {
	t.Parallel()
	sms, mail := fallbacktest.Accepting(), fallbacktest.Accepting()
	res, err := fallback.Route{
		refusing("a", fallback.ErrInvalidRecipient).On(fallback.RCS), sms.On(fallback.SMS), mail.On(fallback.Email),
	}.Send(t.Context(), hello())
	require.NoError(t, err)
	assert.Empty(t, sms.Sent())
	assert.Equal(t, fallback.Email, res.Channel)
	assert.Len(t, res.Attempts, 3)
	assert.Equal(t, "passed over", res.Attempts[1].Next)
}

func TestAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := func(err error) *fallbacktest.Sender {
			return &fallbacktest.Sender{Hook: func(context.Context, fallback.Submission) error {
				time.Sleep(time.Second)
				return err
			}}
		}
		begin := time.Now()
		a, b, c := slow(nil), slow(fallback.ErrUnavailable), slow(nil)
		res, err := fallback.Route{fallback.AtOnce(a.On(fallback.RCS), b.On(fallback.SMS)), c.On(fallback.Email)}.Send(t.Context(), hello())
		require.NoError(t, err)
		assert.Equal(t, time.Second, time.Since(begin), "the legs are taken together")
		assert.Equal(t, fallback.RCS, res.Channel)
		assert.Len(t, res.Attempts, 2)
		assert.False(t, res.PossibleDuplicate, "they are meant to be several")
		assert.Empty(t, c.Sent())
	})
}

func TestShareOfTheTimeLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var shares []time.Duration
		hang := fallback.SenderFunc(func(ctx context.Context, _ fallback.Submission) (fallback.Ack, error) {
			end, ok := ctx.Deadline()
			assert.True(t, ok)
			mu.Lock()
			shares = append(shares, time.Until(end))
			mu.Unlock()
			<-ctx.Done()
			return fallback.Ack{}, fallback.ErrUnavailable
		})
		leg := func(ch fallback.Channel, provider string) fallback.Leg {
			return fallback.Leg{Channel: ch, Provider: provider, Sender: hang}
		}
		m := hello()
		m.Deadline = time.Now().Add(12 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		res, err := fallback.Route{leg(fallback.RCS, "a").Or(leg(fallback.RCS, "b")), leg(fallback.WhatsApp, "a"), leg(fallback.SMS, "a")}.Send(ctx, m)
		require.ErrorIs(t, err, fallback.ErrUnavailable)
		assert.Equal(t, []time.Duration{3 * time.Second, 3 * time.Second, 3 * time.Second, 3 * time.Second}, shares)
		assert.Equal(t, fallback.Failed, res.Outcome)

		// Legs that are taken at once take their time together.
		m.Key, m.Deadline, shares = "order-2", time.Now().Add(12*time.Second), nil
		_, err = fallback.Route{leg(fallback.RCS, "a"), fallback.AtOnce(leg(fallback.WhatsApp, "a"), leg(fallback.Email, "a"), leg(fallback.SMS, "a"))}.Send(ctx, m)
		require.ErrorIs(t, err, fallback.ErrUnavailable)
		assert.Equal(t, []time.Duration{6 * time.Second, 6 * time.Second, 6 * time.Second, 6 * time.Second}, shares)
	})
}

func TestDeadlineAndContext(t *testing.T) {
	t.Parallel()
	t.Run("the deadline is over", func(t *testing.T) {
		t.Parallel()
		s := fallbacktest.Accepting()
		m := hello()
		m.Deadline = time.Now().Add(-time.Second)
		res, err := fallback.Route{s.On(fallback.SMS)}.Send(t.Context(), m)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, fallback.ErrMaybeAccepted)
		assert.Equal(t, fallback.Failed, res.Outcome)
		assert.Empty(t, s.Sent())
	})
	t.Run("the deadline is far", func(t *testing.T) {
		t.Parallel()
		for _, year := range []int{2262, 2300, 9999} {
			s := fallbacktest.Accepting()
			m := hello()
			m.Deadline = time.Date(year, 12, 31, 0, 0, 0, 0, time.UTC)
			res, err := fallback.Route{s.On(fallback.SMS)}.Send(t.Context(), m)
			require.NoError(t, err)
			assert.Equal(t, fallback.Accepted, res.Outcome)
		}
	})
	t.Run("the deadline was long ago", func(t *testing.T) {
		t.Parallel()
		for _, year := range []int{-1, 1, 1600, 1970} {
			s := fallbacktest.Accepting()
			m := hello()
			m.Deadline = time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
			if year == 1 {
				m.Deadline = m.Deadline.Add(1) // the zero time is no deadline
			}
			route := fallback.Route{s.On(fallback.SMS)}
			_, err := route.Send(t.Context(), m)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			plan, err := route.Explain(m)
			require.NoError(t, err)
			assert.Equal(t, "the message's deadline passed", plan[0].Skipped)
			assert.Empty(t, s.Sent())
		}
	})
	t.Run("the context ends between two legs", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancelCause(t.Context())
		gone := errors.New("gone")
		first := &fallbacktest.Sender{Hook: func(context.Context, fallback.Submission) error {
			cancel(gone)
			return fallback.ErrUnavailable
		}}
		second := fallbacktest.Accepting()
		res, err := fallback.Route{first.On(fallback.RCS), second.On(fallback.SMS)}.Send(ctx, hello())
		require.ErrorIs(t, err, gone)
		assert.Equal(t, fallback.Failed, res.Outcome)
		assert.Empty(t, second.Sent())
		assert.Equal(t, "stopped: the caller's context ended", res.Attempts[0].Next)
	})
	t.Run("the context ends, but the provider took it", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		s := &fallbacktest.Sender{Hook: func(context.Context, fallback.Submission) error { cancel(); return nil }}
		res, err := fallback.Route{s.On(fallback.SMS)}.Send(ctx, hello())
		require.NoError(t, err)
		assert.Equal(t, fallback.Accepted, res.Outcome)
	})
}

func TestRouteValidate(t *testing.T) {
	t.Parallel()
	s := fallbacktest.Accepting()
	for name, test := range map[string]struct {
		route fallback.Route
		want  string
	}{
		"empty":             {nil, "no step"},
		"nil step":          {fallback.Route{nil}, "step 1: nil"},
		"no sender":         {fallback.Route{fallback.Leg{Channel: "sms", Provider: "x"}}, "no Sender"},
		"no provider":       {fallback.Route{fallback.Leg{Channel: "sms", Sender: s}}, "no Provider"},
		"other channel":     {fallback.Route{s.On(fallback.SMS).Or(s.On(fallback.RCS))}, "same channel"},
		"the sender's word": {fallback.Route{fallback.Leg{Channel: "sms", Provider: "x", Sender: invalid{}}}, "not set up"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.ErrorContains(t, test.route.Validate(), test.want)
			_, err := test.route.Explain(hello())
			require.ErrorContains(t, err, test.want)
			res, err := test.route.Send(t.Context(), hello())
			require.ErrorContains(t, err, test.want)
			require.NotErrorIs(t, err, fallback.ErrMaybeAccepted)
			assert.Equal(t, fallback.Failed, res.Outcome)
		})
	}
	assert.Empty(t, s.Sent())
}

type invalid struct{ fallback.Sender }

func (invalid) Validate() error { return errors.New("not set up") }

func TestRoutesJoinAndOrDoesNotShare(t *testing.T) {
	t.Parallel()
	s := fallbacktest.Accepting()
	base := s.On(fallback.SMS).Or(s.On(fallback.SMS))
	a, b := base.Or(fallback.Leg{Channel: "sms", Provider: "a", Sender: s}), base.Or(fallback.Leg{Channel: "sms", Provider: "b", Sender: s})
	assert.Equal(t, "a", a.Legs()[0][2].Provider)
	assert.Equal(t, "b", b.Legs()[0][2].Provider)
	route := append(fallback.Route{a}, fallback.Route{b}...)
	require.NoError(t, route.Validate())
}

func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	leaky := fmt.Errorf("cannot send to %s: %w", number, fallback.ErrUnavailable)
	m := hello()
	res, err := fallback.Route{refusing("a", leaky).On(fallback.SMS), refusing("b", fallback.ErrMaybeAccepted).On(fallback.RCS)}.Send(t.Context(), m)
	require.Error(t, err)
	secrets := []string{number[1:], "hello there"}
	for _, v := range []any{err, res.String(), res.GoString(), fmt.Sprintf("%+v", res), m.String(), m.To.String(), fmt.Sprintf("%#v %+v", m, m)} {
		for _, secret := range secrets {
			assert.NotContains(t, fmt.Sprintf("%v", v), secret)
		}
	}
	byNumber := fallback.SenderFunc(func(context.Context, fallback.Submission) (fallback.Ack, error) {
		return fallback.Ack{ID: "api-100-" + number[1:] + "-0123"}, nil
	})
	res, sent := fallback.Route{fallback.Leg{Channel: fallback.SMS, Provider: "a", Sender: byNumber}}.Send(t.Context(), m)
	require.NoError(t, sent)
	assert.Equal(t, "api-100-"+number[1:]+"-0123", res.ID, "as the provider gave it")
	assert.NotContains(t, fmt.Sprintf("%v %+v %#v", res, res.Attempts[0], res), number[1:], "printed")
	testutil.NoLeak(t, fallback.Submission{Ref: "r", To: number, Content: fallback.Text("hello there"), Message: m}.String(), secrets...)
	fe, ok := errors.AsType[*fallback.Error](err)
	require.True(t, ok)
	assert.NotContains(t, fe.LogValue().String(), secrets[0])
}

func TestResultPrintsAsATrace(t *testing.T) {
	t.Parallel()
	res, err := fallback.Route{
		refusing("netcore", fallback.ErrNotOnChannel).On(fallback.RCS), refusing("octopush").On(fallback.SMS),
	}.Send(t.Context(), hello())
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(res.String()), "\n")
	require.Len(t, lines, 3)
	assert.Equal(t, "order-1: accepted on sms by octopush as test-1", lines[0])
	assert.Regexp(t, `^  1  \d\d:\d\d:\d\d\.\d{3}  rcs        netcore       failed .*recipient not reachable on this channel  -> next channel$`, lines[1])
	assert.Regexp(t, `^  2  .*sms        octopush      accepted .*id test-1  -> done$`, lines[2])
}

// ordering is a Sender that orders channels by itself, and knows them.
type ordering struct {
	*fallbacktest.Sender

	err error
}

func (o ordering) Check(fallback.Submission) error { return o.err }

// TestOnlyWithoutAChannel: a leg without a channel is judged by who knows its
// channels; where nobody does, it is passed over.
func TestOnlyWithoutAChannel(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		sender fallback.Sender
		want   string // why it is passed over
	}{
		"nobody knows": {fallback.SenderFunc(func(context.Context, fallback.Submission) (fallback.Ack, error) {
			t.Error("sent")
			return fallback.Ack{}, nil
		}), "the recipient is not to be reached on it"},
		"not them": {ordering{fallbacktest.Accepting(), errors.New("not on SMS")}, "not on SMS"},
		"them":     {ordering{Sender: fallbacktest.Accepting()}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := hello()
			m.To.Only = []fallback.Channel{fallback.WhatsApp, fallback.SMS}
			res, err := fallback.Route{fallback.Leg{Provider: "a", Sender: test.sender}}.Send(t.Context(), m)
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			require.EqualError(t, res.Attempts[0].Err, test.want)
		})
	}
}
