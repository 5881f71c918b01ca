package cascade

// String is the reason in words, as a Result shows it behind an attempt.
func (w Why) String() string {
	switch w {
	case WhyFirst:
		return "first leg"
	case WhyNextProvider:
		return "next provider"
	case WhyNextChannel:
		return "next channel"
	case WhyAtOnce:
		return "at once with the leg before"
	case WhyRepeat:
		return "repeat with the same reference"
	case WhyRetry:
		return "try again"
	case WhyInFlight:
		return "waiting for the provider's answer"
	case WhyHold:
		return "waiting for proof that it was taken"
	case WhyReceipt:
		return "waiting for a receipt"
	case WhyBackOff:
		return "waiting before another try"
	case WhyGrace:
		return "waiting for a crossing receipt"
	case WhyOver:
		return "taken back: the message is done"
	case WhySilence:
		return "no receipt in time"
	case WhyReached:
		return "done"
	case WhyOptedOut:
		return "stopped: the person opted out"
	case WhyCancelled:
		return "stopped: cancelled"
	case WhyNoMore:
		return "stopped: the caller's context ended"
	case WhyDeadline:
		return "stopped: the deadline passed"
	case WhyUnsure:
		return "stopped: it may have been accepted, and must not be sent twice"
	case WhyCapped:
		return "stopped: the person's frequency cap is reached"
	case WhyExhausted:
		return "no leg left"
	}
	return "unknown"
}
