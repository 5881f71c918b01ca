// Package senders makes legs of a fallback route from this module's clients.
//
// Each provider account is a struct literal, and each of its channels a
// method:
//
//	netcore := senders.Deflector{Client: client}
//	route := fallback.Route{netcore.RCS(), netcore.WhatsApp(), netcore.SMS("ACMEIN")}
//
// Each type's comment has a table of what a message's Text, Template and Mail
// become, what its Class sets, and what its receipts can prove.
package senders
