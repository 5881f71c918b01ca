package arch

import (
	"bytes"
	"cmp"
	"go/ast"
	"go/printer"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sharedOptions are the options that every provider has.
var sharedOptions = map[string]string{
	"WithBaseURL":           "func(url string) Option",
	"WithHTTPClient":        "func(client *http.Client) Option",
	"WithTimeout":           "func(oneAttempt time.Duration) Option",
	"WithMaxRetries":        "func(n int) Option",
	"WithRateLimit":         "func(perSecond float64, burst int) Option",
	"WithLogger":            "func(l *slog.Logger) Option",
	"WithUserAgent":         "func(product string) Option",
	"WithRelaxedValidation": "func() Option",
}

// errorFields and errorMethods are what every provider's Error has.
var (
	errorFields = map[string]string{
		"Op": "string", "StatusCode": "int", "Code": "string | Code", "Message": "string", "RequestID": "string",
		"RetryAfter": "time.Duration", "Attempts": "int",
	}
	errorMethods = map[string]string{
		"Error": "func() string", "GoString": "func() string", "Unwrap": "func() error", "Is": "func(target error) bool",
		"RetryDelay": "func() time.Duration", "LogValue": "func() slog.Value", "RawBody": "func() []byte",
	}
	clientMethods = map[string]string{"String": "func() string", "GoString": "func() string"}
)

// api is what a package declares for its users.
type api struct {
	funcs   map[string]string            // signature by name
	methods map[string]map[string]string // by type and name
	fields  map[string]map[string]string
	errs    map[string]string // the Err variables and what they are made of
}

func readAPI(t *testing.T, dir string) api {
	t.Helper()
	a := api{map[string]string{}, map[string]map[string]string{}, map[string]map[string]string{}, map[string]string{}}
	for _, s := range tree(t) {
		if s.dir != dir || s.test() {
			continue
		}
		for _, decl := range s.file.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				a.addFunc(t, d)
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					a.addSpec(t, spec)
				}
			}
		}
	}
	return a
}

func (a api) addFunc(t *testing.T, d *ast.FuncDecl) {
	t.Helper()
	if d.Recv == nil {
		a.funcs[d.Name.Name] = text(t, d.Type)
		return
	}
	on := strings.TrimPrefix(text(t, d.Recv.List[0].Type), "*")
	if a.methods[on] == nil {
		a.methods[on] = map[string]string{}
	}
	a.methods[on][d.Name.Name] = text(t, d.Type)
}

func (a api) addSpec(t *testing.T, spec ast.Spec) {
	t.Helper()
	switch s := spec.(type) {
	case *ast.TypeSpec:
		st, ok := s.Type.(*ast.StructType)
		if !ok {
			return
		}
		a.fields[s.Name.Name] = map[string]string{}
		for _, f := range st.Fields.List {
			for _, name := range f.Names {
				a.fields[s.Name.Name][name.Name] = text(t, f.Type)
			}
		}
	case *ast.ValueSpec:
		for i, name := range s.Names {
			if strings.HasPrefix(name.Name, "Err") && i < len(s.Values) {
				a.errs[name.Name] = text(t, s.Values[i])
			}
		}
	}
}

// text is an expression or a type as Go code, on one line.
func text(t *testing.T, n ast.Node) string {
	t.Helper()
	var b bytes.Buffer
	if err := printer.Fprint(&b, token.NewFileSet(), n); err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func TestProviders(t *testing.T) {
	t.Parallel()
	shared := sentinels(t)
	for _, dir := range providers(t) {
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			a := readAPI(t, dir)
			has(t, "option", sharedOptions, a.funcs)
			has(t, "field of Error", errorFields, a.fields["Error"])
			has(t, "method of Error", errorMethods, a.methods["Error"])
			has(t, "method of Client", clientMethods, a.methods["Client"])
			for name := range a.fields["Client"] {
				if token.IsExported(name) {
					t.Errorf("Client.%s: a client has no exported fields", name)
				}
			}
			re := 0
			for name, of := range a.errs {
				want := "errs." + strings.TrimPrefix(name, "Err")
				switch {
				case of == want:
					re++
				case slices.Contains(shared, want):
					t.Errorf("%s is %s, want %s: errors.Is has to work across packages", name, of, want)
				case !strings.HasPrefix(of, "errors.New("):
					t.Errorf("%s is %s: neither one of internal/errs nor of its own", name, of)
				}
			}
			if re == 0 {
				t.Error("no sentinel is re-exported")
			}
			for _, name := range []string{"doc.go", "client.go", "options.go", "errors.go"} {
				if _, err := os.Stat(filepath.Join(rootDir(t), filepath.FromSlash(dir), name)); err != nil {
					t.Errorf("no %s: the providers are laid out alike", name)
				}
			}
		})
	}
}

func has(t *testing.T, what string, want, got map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if !slices.Contains(strings.Split(want[name], " | "), got[name]) {
			t.Errorf("%s %s: %s, want %s", what, name, cmp.Or(got[name], "not there"), want[name])
		}
	}
}

// sentinels are the values of internal/errs: "errs.RateLimited".
func sentinels(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, s := range tree(t) {
		if s.dir != "internal/errs" || s.test() {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if ok && len(spec.Values) > 0 && strings.HasPrefix(text(t, spec.Values[0]), "sentinel(") {
				all = append(all, "errs."+spec.Names[0].Name)
			}
			return true
		})
	}
	if len(all) == 0 {
		t.Fatal("no sentinel found in internal/errs")
	}
	return all
}

// TestFallbackSentinels keeps package fallback's list whole, and its values
// those of the providers.
func TestFallbackSentinels(t *testing.T) {
	t.Parallel()
	got := readAPI(t, "fallback").errs
	for _, want := range sentinels(t) {
		name := "Err" + strings.TrimPrefix(want, "errs.")
		if got[name] != want {
			t.Errorf("fallback.%s is %s, want %s", name, cmp.Or(got[name], "not there"), want)
		}
	}
}

// TestNoGlobals: a library reads no environment, and does nothing before it
// is called.
func TestNoGlobals(t *testing.T) {
	t.Parallel()
	for _, s := range tree(t) {
		if s.test() || under(s.dir, "examples") || under(s.dir, "internal/tools") {
			continue
		}
		for _, why := range globals(s) {
			t.Error(why)
		}
	}
}

// environment are the functions of package os that read it.
var environment = []string{"Getenv", "LookupEnv", "Environ", "ExpandEnv", "Setenv", "Unsetenv"}

func globals(s source) []string {
	var found []string
	names := map[string]string{} // local name → path
	for _, spec := range s.file.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil || p != "os" && p != "syscall" && p != "net/http" {
			continue
		}
		local := p[strings.LastIndex(p, "/")+1:]
		if spec.Name != nil {
			local = spec.Name.Name
		}
		names[local] = p
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil && n.Name.Name == "init" {
				found = append(found, s.at(n)+": init: work is done when it is asked for")
			}
		case *ast.SelectorExpr:
			x, ok := n.X.(*ast.Ident)
			if !ok {
				return true
			}
			switch p := names[x.Name]; {
			case (p == "os" || p == "syscall") && slices.Contains(environment, n.Sel.Name):
				found = append(found, s.at(n)+": the environment is the caller's")
			case p == "net/http" && (n.Sel.Name == "DefaultClient" || n.Sel.Name == "DefaultServeMux"):
				found = append(found, s.at(n)+": http."+n.Sel.Name+" belongs to the program")
			}
		}
		return true
	})
	return found
}

// TestTransportKnowsNoVendor: what only one vendor does stays with it.
func TestTransportKnowsNoVendor(t *testing.T) {
	t.Parallel()
	names := []string{"netcore", "cisco", "delhivery"}
	for _, dir := range providers(t) {
		names = append(names, vendor(dir))
	}
	seen := 0
	for _, s := range tree(t) {
		if s.dir != "internal/transport" || s.test() {
			continue
		}
		seen++
		ast.Inspect(s.file, func(n ast.Node) bool {
			var words string
			switch n := n.(type) {
			case *ast.BasicLit:
				words = n.Value
			case *ast.Ident:
				words = n.Name
			}
			words = strings.ToLower(words)
			for _, name := range names {
				if strings.Contains(words, name) {
					t.Errorf("%s: names %s", s.at(n), name)
				}
			}
			return true
		})
	}
	if seen == 0 {
		t.Error("internal/transport has no files")
	}
}

// TestRootIsDocumentation: the root package says what is where.
func TestRootIsDocumentation(t *testing.T) {
	t.Parallel()
	for _, s := range tree(t) {
		if s.dir == "" && !s.test() && len(s.file.Decls) > 0 {
			t.Errorf("%s declares something: the root package is documentation only", s.path())
		}
	}
}
