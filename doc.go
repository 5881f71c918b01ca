// Package cpaas is the root of a module for sending messages through five
// messaging platforms, with fallback between channels and providers. It has no
// code of its own.
//
// Each platform has a complete, typed client:
//
//	deflector      Netcore Deflector: RCS, WhatsApp, SMS in one call
//	capillary      Capillary: SMS, e-mail, WhatsApp, Zalo, in JSON or XML
//	webexconnect   Webex Connect: SMS, voice, push, WhatsApp, Messenger, Apple; v2 also RCS, e-mail, MMS
//	os1            Delhivery OS1: SMS, e-mail, WhatsApp by template, two-way messages
//	octopush       Octopush: SMS, voice, RCS, e-mail, live chat
//
// Above them, two kinds of route send one message over an order of channels
// and providers:
//
//	    fallback.Route                  delivery.Route
//	    ends when a provider accepts    ends when a receipt says delivered
//	             \                         /
//	              \    the same legs      /
//	               senders.Deflector{…}.RCS(), senders.Octopush{…}.SMS("ACME"), …
//	                      |
//	deflector   capillary   webexconnect   os1   octopush
//
// Packages whose names end in "test" are for tests of code that sends: a fake
// server of each platform, strict about the wire, and scripted senders.
package cpaas
