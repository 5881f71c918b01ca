package delivery

import (
	"fmt"
	"time"

	"github.com/cpaas-go/cpaas/fallback"
)

// QuietHours is a Config.Hours that holds submissions back from one time of
// day to another, "21:00" to "09:00", by the clock of the recipient's Zone or,
// if that is empty or unknown, of zone (an IANA name). Where a change to or
// from daylight saving skips the end, sending begins with the change.
func QuietHours(from, to, zone string) (func(fallback.Submission, time.Time) time.Time, error) {
	begin, err := minuteOfDay(from)
	if err != nil {
		return nil, err
	}
	end, err := minuteOfDay(to)
	if err != nil {
		return nil, err
	}
	if begin == end {
		return nil, fmt.Errorf("delivery: quiet hours: from %s to %s is no time, or all of it", from, to)
	}
	home, err := time.LoadLocation(zone)
	if err != nil || zone == "" {
		return nil, fmt.Errorf("delivery: quiet hours: unknown zone %q", zone)
	}
	return func(s fallback.Submission, now time.Time) time.Time {
		loc := home
		if z := s.Message.To.Zone; z != "" {
			if l, err := time.LoadLocation(z); err == nil {
				loc = l
			}
		}
		local := now.In(loc)
		minute := local.Hour()*60 + local.Minute()
		day := 0
		switch {
		case begin < end && (minute < begin || minute >= end):
			return now
		case begin > end && minute >= end && minute < begin:
			return now
		case begin > end && minute >= begin:
			day = 1
		}
		next := time.Date(local.Year(), local.Month(), local.Day()+day, end/60, end%60, 0, 0, loc)
		if next.Hour()*60+next.Minute() != end { // the clocks skip the end: the change is it
			begun, over := next.ZoneBounds()
			if next = begun; next.Before(now) {
				next = over
			}
		}
		if !next.After(now) { // the clocks went back over the end
			return now
		}
		return next
	}, nil
}

func minuteOfDay(s string) (int, error) {
	t, err := time.Parse("15:04", s)
	if err != nil {
		return 0, fmt.Errorf("delivery: quiet hours: %q is not a time such as 21:00", s)
	}
	return t.Hour()*60 + t.Minute(), nil
}
