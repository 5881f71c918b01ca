package os1

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestShapes: the shapes, by which members are renamed and Extra is checked,
// are those of the types.
func TestShapes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		v any
		s shape
	}{
		{SendRequest{}, sendShape},
		{wireTwoWay{}, twoWayShape},
		{TwoWayRequest{}, twoWayShape},
		{ProviderRequest{}, providerShape},
		{NotificationRequest{}, notificationShape},
		{TemplateRequest{}, templateShape(nil)},
		{SMSTemplate{}, smsTemplateShape},
		{EmailTemplate{}, emailTemplateShape},
		{WhatsAppTemplate{}, whatsAppTemplateShape},
	} {
		compareShape(t, reflect.TypeOf(test.v), test.s, reflect.TypeOf(test.v).Name())
	}
}

func compareShape(t *testing.T, typ reflect.Type, s shape, path string) {
	t.Helper()
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
		typ = typ.Elem()
	}
	if typ.Kind() != reflect.Struct || typ == reflect.TypeFor[Secret]() || typ == reflect.TypeFor[json.RawMessage]() {
		if s != nil {
			t.Errorf("%s: the shape has members, the type has none", path)
		}
		return
	}
	names := map[string]bool{}
	for field := range typ.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		names[name] = true
		inner, ok := s[name]
		if !ok {
			t.Errorf("%s.%s: not in the shape", path, name)
			continue
		}
		compareShape(t, field.Type, inner, path+"."+name)
	}
	for _, name := range slices.Sorted(maps.Keys(s)) {
		if !names[name] {
			t.Errorf("%s.%s: not in the type", path, name)
		}
	}
}
