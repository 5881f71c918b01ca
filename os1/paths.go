package os1

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/cpaas-go/cpaas/internal/transport"
)

// Paths are the paths of the operations, each behind the base URL and
// Prefix; Token has no Prefix. Of all of them only Providers is on a page of
// the vendor's: the others are guesses, for the reference pages that name
// them could not be read. Compare them with those of your tenant and set what
// differs with [WithPaths].
type Paths struct {
	// Prefix is what stands in front of the paths, "/" for nothing. The
	// messaging page shows it in a webhook URL of the same service.
	Prefix string

	// Providers is where POST creates a service provider. The messaging page
	// shows it as the uri of a request.
	Providers string

	// Templates is where POST creates a template, and GET lists them. A
	// guess, by analogy.
	Templates string

	// Template is where GET reads a template; "{name}" in it stands for the
	// name. That it goes by name is documented, the path is a guess.
	Template string

	// Notifications is where POST registers a notification. A guess: a
	// segment for the application is as likely.
	Notifications string

	// Messages is where POST sends messages. A guess.
	Messages string

	// NotificationMessages is where POST sends messages with notifications.
	// Nothing is known of it: empty, and [ErrPathNotConfigured].
	NotificationMessages string

	// TwoWay is where POST sends a two-way message. Nothing is known of it:
	// empty, and [ErrPathNotConfigured].
	TwoWay string

	// Token is where POST exchanges client credentials for an access token.
	// It is documented, by the vendor's AAA service.
	Token string
}

// DefaultPaths are the paths of a client that is not told others.
func DefaultPaths() Paths {
	return Paths{
		Prefix:        "/core/api/v1/messaging-service",
		Providers:     "/providers",
		Templates:     "/templates",
		Template:      "/templates/{name}",
		Notifications: "/notifications",
		Messages:      "/messages",
		Token:         "/core/api/v1/aaa/auth/client-credentials",
	}
}

// or is p with what it leaves empty taken from q.
func (p Paths) or(q Paths) Paths {
	return Paths{
		Prefix:               cmp.Or(p.Prefix, q.Prefix),
		Providers:            cmp.Or(p.Providers, q.Providers),
		Templates:            cmp.Or(p.Templates, q.Templates),
		Template:             cmp.Or(p.Template, q.Template),
		Notifications:        cmp.Or(p.Notifications, q.Notifications),
		Messages:             cmp.Or(p.Messages, q.Messages),
		NotificationMessages: cmp.Or(p.NotificationMessages, q.NotificationMessages),
		TwoWay:               cmp.Or(p.TwoWay, q.TwoWay),
		Token:                cmp.Or(p.Token, q.Token),
	}
}

const namePlaceholder = "{name}"

// check names every path that cannot be one.
func (p Paths) check() error {
	var found []error
	for _, f := range []struct{ setting, path string }{
		{"Prefix", p.Prefix},
		{"Providers", p.Providers},
		{"Templates", p.Templates},
		{"Template", p.Template},
		{"Notifications", p.Notifications},
		{"Messages", p.Messages},
		{"NotificationMessages", p.NotificationMessages},
		{"TwoWay", p.TwoWay},
		{"Token", p.Token},
	} {
		path := f.path
		if f.setting == "Template" {
			if strings.Count(path, namePlaceholder) != 1 || !strings.Contains(path+"/", "/"+namePlaceholder+"/") {
				found = append(found, errors.New(`path Template: must have one segment "{name}"`))
			}
			path = strings.Replace(path, namePlaceholder, "name", 1)
		}
		if path != "" && !isPath(path) {
			found = append(found, fmt.Errorf(`path %s: must begin with "/" and be a path and nothing else`, f.setting))
		}
	}
	return errors.Join(found...)
}

func isPath(s string) bool {
	if s[0] != '/' || strings.ContainsAny(s, "{}?#") || !transport.ValidHeaderValue(s) || strings.Contains(s, " ") {
		return false
	}
	for segment := range strings.SplitSeq(s, "/") {
		if segment == "." || segment == ".." {
			return false
		}
	}
	_, err := url.PathUnescape(s)
	return err == nil
}

// operation is an endpoint and what is known of its path.
type operation struct {
	transport.Endpoint
	setting string // the field of Paths
	unset   bool   // nobody knows the path, and it is not set
	guessed bool   // the path is this package's guess

	secrets []Secret // of the request: set for one call
}

// operations are all that a client can do.
type operations struct {
	createProvider, createTemplate, getTemplate, listTemplates, createNotification operation
	send, sendWithNotifications, sendTwoWay                                        operation
}

func newOperations(t *transport.Client, p Paths) operations {
	prefix := strings.TrimRight(p.Prefix, "/")
	defaults := DefaultPaths()
	op := func(name, method, setting, path, guess string, class transport.Class) operation {
		return operation{
			Endpoint: t.Endpoint(name, method, prefix+path, class),
			setting:  "Paths." + setting,
			unset:    path == "",
			guessed:  path == guess,
		}
	}
	const get, post = http.MethodGet, http.MethodPost
	return operations{
		createProvider:        op("CreateProvider", post, "Providers", p.Providers, "", transport.Send),
		createTemplate:        op("CreateTemplate", post, "Templates", p.Templates, defaults.Templates, transport.Send),
		getTemplate:           op("GetTemplate", get, "Template", p.Template, defaults.Template, transport.Read),
		listTemplates:         op("ListTemplates", get, "Templates", p.Templates, defaults.Templates, transport.Read),
		createNotification:    op("CreateNotification", post, "Notifications", p.Notifications, defaults.Notifications, transport.Send),
		send:                  op("Send", post, "Messages", p.Messages, defaults.Messages, transport.Send),
		sendWithNotifications: op("SendWithNotifications", post, "NotificationMessages", p.NotificationMessages, "", transport.Send),
		sendTwoWay:            op("SendTwoWay", post, "TwoWay", p.TwoWay, "", transport.Send),
	}
}
