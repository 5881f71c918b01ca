package os1_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/cpaas-go/cpaas/internal/testutil"
	"github.com/cpaas-go/cpaas/os1"
)

func TestGetTemplate(t *testing.T) {
	t.Parallel()
	object := string(testutil.Golden(t, "template-whatsapp.json"))
	loose := strings.NewReplacer(
		`"quick_reply"`, `"quick-reply"`, `"filename"`, `"fileName"`, `"externalRef"`, `"external_ref"`, `"isActive"`, `"is_active"`,
		`"name": "order_delivered"`, `"id": 17, "Name": "order_delivered"`,
	).Replace(object)
	for name, data := range map[string]string{"object": object, "list": "[" + object + "]", "loose": loose} {
		s := answering(http.StatusOK, `{"data":`+data+`}`)
		res, err := s.client(t).GetTemplate(t.Context(), "order_delivered")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := res.Template
		want := pageTemplateWhatsApp()
		content, ok := want.Data.(os1.WhatsAppTemplate)
		if !ok {
			t.Fatalf("%T", want.Data)
		}
		if got.Name != want.Name || got.Mode != want.Mode || got.Body != content.Body || got.ExternalRef != content.ExternalRef ||
			got.From != *content.From || *got.Media.Document != *content.Media.Document || *got.Media.Image != *content.Media.Image ||
			len(got.Buttons) != 2 || *got.Buttons[0].URL != *content.Buttons[0].URL || *got.Buttons[1].QuickReply != *content.Buttons[1].QuickReply ||
			!*got.IsActive || fmt.Sprint(got.Tags) != fmt.Sprint(want.Tags) || len(got.Raw()) == 0 {
			t.Errorf("%s: %+v", name, got)
		}
		if name == "loose" && got.ID != "17" {
			t.Errorf("id %q", got.ID)
		}
	}

	// What has another type than it should is as if it were not there.
	s := answering(http.StatusOK, `{"data":{"name":{},"mode":3,"data":[],"isActive":"yes","tags":{"a":1},"media":7}}`)
	res, err := s.client(t).GetTemplate(t.Context(), "x")
	if err != nil || res.Template.Name != "" || res.Template.Mode != "3" || res.Template.IsActive != nil || res.Template.Tags != nil {
		t.Errorf("%+v, %v", res, err)
	}

	for _, data := range []string{``, `{}`, `{"data":null}`, `{"data":"order_sent"}`, `{"data":[]}`, `{"data":["x"]}`, `x`} {
		_, err := answering(http.StatusOK, data).client(t).GetTemplate(t.Context(), "x")
		if !errors.Is(err, os1.ErrDecode) || !errors.Is(err, os1.ErrUnavailable) || errors.Is(err, os1.ErrMaybeAccepted) {
			t.Errorf("%q: %v", data, err)
		}
	}
}

func TestCreateTemplateAnswers(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		``: "", `{}`: "", `{"data":"order_sent"}`: "", `{"data":{"name":"order_sent"}}`: "order_sent",
		`{"data":` + string(testutil.Golden(t, "template-sms.json")) + `}`: "order_sent",
	} {
		res, err := answering(http.StatusCreated, body).client(t).CreateTemplate(t.Context(), pageTemplateSMS())
		if err != nil || res.Template.Name != want || res.StatusCode != http.StatusCreated {
			t.Errorf("%q: %+v, %v", body, res, err)
		}
	}
}

func TestListTemplates(t *testing.T) {
	t.Parallel()
	const two = `[{"name":"a"},{"name":"b"}]`
	for data, want := range map[string]string{
		two:  "a,b,//0",
		`[]`: "//0",
		`{"templates":` + two + `,"meta":{"totalElements":7}}`:                               "a,b,//7",
		`{"meta":{"nextPage":"p2","hasNextPage":true},"records":` + two + `}`:                "a,b,/p2/0",
		`{"meta":{"nextPage":"p2","hasNextPage":false},"templates":` + two + `}`:             "a,b,//0",
		`{"templates":` + two + `,"others":[],"meta":{"nextPage":2,"totalElements":"many"}}`: "a,b,/2/0",
		`{"Templates":[{"name":"a"},7,null],"meta":{"total_elements":-1}}`:                   "a,//0",
		`{"templates":null,"rows":` + two + `}`:                                              "a,b,//0",
	} {
		page, err := answering(http.StatusOK, `{"data":`+data+`}`).client(t).ListTemplates(t.Context(), os1.ListTemplatesOptions{})
		if err != nil {
			t.Errorf("%s: %v", data, err)
			continue
		}
		var got strings.Builder
		for _, template := range page.Templates {
			got.WriteString(template.Name + ",")
		}
		if fmt.Fprintf(&got, "/%s/%d", page.NextPage, page.Total); got.String() != want {
			t.Errorf("%s: %s, want %s", data, got.String(), want)
		}
	}
	for _, body := range []string{``, `{}`, `{"data":7}`, `{"data":{}}`, `{"data":{"a":[],"b":[]}}`, `{"data":{"templates":{}}}x`} {
		_, err := answering(http.StatusOK, body).client(t).ListTemplates(t.Context(), os1.ListTemplatesOptions{})
		if !errors.Is(err, os1.ErrDecode) || errors.Is(err, os1.ErrMaybeAccepted) {
			t.Errorf("%q: %v", body, err)
		}
	}

	s := answering(http.StatusOK, `{"data":[]}`)
	if _, err := s.client(t).ListTemplates(t.Context(), os1.ListTemplatesOptions{
		Limit: 10, Offset: 20, NextPage: "p&2", Select: "name", Query: "mode==sms", SortKey: "name", SortBy: "ASC",
		Extra: url.Values{"tag": {"os1", "x"}, "limit": {"11"}},
	}); err != nil {
		t.Fatal(err)
	}
	want := "limit=11&nextPage=p%262&offset=20&query=mode%3D%3Dsms&select=name&sortBy=ASC&sortKey=name&tag=os1&tag=x"
	if got := s.last().URL.RawQuery; got != want {
		t.Errorf("query %s", got)
	}
}

func TestAllTemplates(t *testing.T) {
	t.Parallel()
	page := func(meta string, names ...string) reply {
		list := make([]string, len(names))
		for i, name := range names {
			list[i] = `{"name":"` + name + `"}`
		}
		return reply{status: http.StatusOK, body: `{"data":{"templates":[` + strings.Join(list, ",") + `],"meta":` + meta + `}}`}
	}
	for name, test := range map[string]struct {
		opts    os1.ListTemplatesOptions
		replies []reply
		want    string // names, then "!" for an error
		queries string
	}{
		"next page": {
			replies: []reply{
				page(`{"nextPage":"2","hasNextPage":true}`, "a", "b"), page(`{"nextPage":"3"}`, "c"), page(`{"hasNextPage":false}`, "d"),
			},
			want: "abcd", queries: ",nextPage=2,nextPage=3",
		},
		"offset": {
			opts:    os1.ListTemplatesOptions{Limit: 2},
			replies: []reply{page(`{"totalElements":3}`, "a", "b"), page(`{"totalElements":3}`, "c")},
			want:    "abc", queries: "limit=2,limit=2&offset=2",
		},
		"offset, begun": {
			opts:    os1.ListTemplatesOptions{Offset: 2},
			replies: []reply{page(`{"totalElements":3}`, "c")},
			want:    "c", queries: "offset=2",
		},
		"offset, empty page": {
			replies: []reply{page(`{"totalElements":3}`, "a"), page(`{"totalElements":3}`)}, want: "a", queries: ",offset=1",
		},
		"a list":       {replies: []reply{{status: 200, body: `{"data":[{"name":"a"}]}`}}, want: "a", queries: ""},
		"nothing":      {replies: []reply{page(`{}`)}, want: "", queries: ""},
		"no progress":  {replies: []reply{page(`{"nextPage":"2"}`, "a")}, want: "a!", queries: ",nextPage=2"},
		"offset, deaf": {replies: []reply{page(`{"totalElements":9}`, "a")}, want: "a!", queries: ",offset=1"},
		"an error":     {replies: []reply{page(`{"nextPage":"2"}`, "a"), {status: 403}}, want: "a!", queries: ",nextPage=2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &stub{replies: map[string][]reply{"": test.replies}}
			all := s.client(t).AllTemplates(t.Context(), test.opts)
			var got strings.Builder
			for template, err := range all {
				got.WriteString(template.Name)
				if err != nil {
					got.WriteString("!")
				}
			}
			var queries []string
			for _, a := range s.asked {
				queries = append(queries, a.URL.RawQuery)
			}
			if got.String() != test.want || strings.Join(queries, ",") != test.queries {
				t.Errorf("%s by %q, want %s by %q", got.String(), queries, test.want, test.queries)
			}
		})
	}

	s := &stub{replies: map[string][]reply{"": {page(`{"nextPage":"2"}`, "a", "b")}}}
	all := s.client(t).AllTemplates(t.Context(), os1.ListTemplatesOptions{})
	for range 2 { // an iteration that is left makes no further call, and another begins anew
		for _, err := range all {
			if err != nil {
				t.Error(err)
			}
			break
		}
	}
	if s.count() != 2 || s.last().URL.RawQuery != "" {
		t.Errorf("%d calls, the last with %q", s.count(), s.last().URL.RawQuery)
	}
}
