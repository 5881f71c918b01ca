package arch

import (
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// The modules that the root module may use, and where.
const (
	retryable   = "github.com/hashicorp/go-retryablehttp"
	querystring = "github.com/google/go-querystring"
)

// thin is what package fallback may use besides the standard library.
var thin = []string{"internal/errs", "internal/cascade", "internal/redact"}

var testOnly = []string{"github.com/stretchr/testify", "github.com/jarcoal/httpmock", "go.uber.org/goleak"}

func TestImports(t *testing.T) {
	t.Parallel()
	for _, s := range tree(t) {
		for _, p := range s.imports() {
			if why := refuses(s.dir, kindOf(s), p); why != "" {
				t.Errorf("%s imports %s: %s", s.path(), p, why)
			}
		}
	}
}

// kind is what a file is for.
type kind int

const (
	library  kind = iota
	inside        // a test in the package that it tests
	asCaller      // a test outside of it
)

func kindOf(s source) kind {
	switch {
	case s.external():
		return asCaller
	case s.test():
		return inside
	}
	return library
}

// refuses says why a file of dir may not import p; "" when it may.
func refuses(dir string, k kind, p string) string {
	local, ours := strings.CutPrefix(p, module)
	local = strings.TrimPrefix(local, "/")
	switch {
	case dir == "internal/arch" || under(dir, "internal/tools"):
		return ""
	case ours:
		return refusesOurs(dir, k, local)
	case under(p, retryable):
		return unless(dir == "internal/transport", "only internal/transport may")
	case isStandard(p):
		return unless(dir != "fallback" || k == asCaller || !under(p, "net/http"), "package fallback knows no HTTP")
	case !inRootModule(dir):
		return "" // its own go.mod says what it needs
	case slices.ContainsFunc(testOnly, func(m string) bool { return under(p, m) }):
		return unless(k != library || dir == "internal/testutil", "only tests may")
	case under(dir, "fallback"):
		return "package fallback and those below it use the standard library only"
	case under(p, querystring):
		return unless(vendor(dir) != "", "only providers may")
	case under(p, "golang.org/x/time"), under(p, "golang.org/x/sync"):
		return ""
	}
	return "not in the list of modules that the root module may require"
}

func refusesOurs(dir string, k kind, local string) string {
	to := vendor(local)
	if k == library && under(local, "fallback/fallbacktest") && !under(dir, "fallback/fallbacktest") && !under(dir, "examples") {
		return "only tests and examples may"
	}
	if k == library && to != "" && isFake(local) && dir != local && !under(dir, "examples") {
		return "a fake is for tests and examples"
	}
	if local == "internal/arch" || under(local, "internal/tools") {
		return "nothing may"
	}
	if k == library && local == "internal/testutil" {
		return "only tests may"
	}
	if k == library && local == "internal/fake" && !isFake(dir) {
		return "only fakes may"
	}
	shared := under(local, "internal")
	switch {
	case dir == "":
		return "the root package is documentation only"
	case under(dir, "examples"):
		return unless(under(local, "examples/internal") || !strings.Contains("/"+local+"/", "/internal/"), "examples use what users can use")
	case under(dir, "internal"):
		return unless(shared, "imports run the other way")
	case vendor(dir) != "":
		return unless(shared && local != "internal/cascade" || to == vendor(dir), "a provider knows neither package fallback nor another provider")
	case k == asCaller:
		return "" // what is written as a user would write it may use what a user may
	case dir == "fallback":
		if k == inside {
			return unless(shared || local == "fallback/fallbacktest", "imports run the other way")
		}
		return unless(slices.Contains(thin, local), "package fallback stays thin: "+strings.Join(thin, ", ")+" only")
	case under(dir, "fallback/senders"):
		return unless(shared || to != "" || under(local, "fallback"), "imports run the other way")
	}
	// fallback/delivery, fallback/fallbacktest, and the modules of their own.
	return unless(shared || to == "" && under(local, "fallback") && !under(local, "fallback/senders"), "imports run the other way")
}

// isFake reports whether dir is the fake of a provider: octopush/octopushtest.
func isFake(dir string) bool {
	return vendor(dir) != "" && dir != vendor(dir) && strings.HasSuffix(path.Base(dir), "test")
}

// isStandard reports whether p is of the standard library.
func isStandard(p string) bool {
	first, _, _ := strings.Cut(p, "/")
	return !strings.Contains(first, ".")
}

// inRootModule reports whether dir belongs to the root module, going by where
// the others are.
func inRootModule(dir string) bool {
	for _, m := range []string{"examples", "internal/tools", "fallback/delivery/sqlstore", "fallback/otelfallback"} {
		if under(dir, m) {
			return false
		}
	}
	return true
}

// under reports whether p is dir or below it.
func under(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }

func unless(ok bool, why string) string {
	if ok {
		return ""
	}
	return why
}

// TestRefuses shows that the rules bite.
func TestRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		dir    string
		k      kind
		p      string
		refuse bool
	}{
		{"deflector", library, module + "/octopush", true},
		{"deflector", inside, module + "/octopush", true},
		{"deflector", library, module + "/fallback", true},
		{"deflector", asCaller, module + "/fallback/senders", true},
		{"deflector", library, module + "/deflector/deflectortest", true},
		{"deflector", asCaller, module + "/deflector/deflectortest", false},
		{"deflector", library, module + "/internal/transport", false},
		{"deflector", library, module + "/internal/fake", true},
		{"deflector", library, retryable, true},
		{"deflector", library, testOnly[0] + "/require", true},
		{"deflector", inside, testOnly[0] + "/require", false},
		{"deflector", library, "example.com/other", true},
		{"deflector/deflectortest", library, module + "/internal/fake", false},
		{"deflector/deflectortest", library, module + "/deflector", false},
		{"webexconnect/v2", library, module + "/webexconnect", false},
		{"webexconnect/v2", library, module + "/deflector", true},
		{"internal/transport", library, retryable, false},
		{"internal/transport", library, module + "/deflector", true},
		{"internal/cascade", library, module + "/fallback", true},
		{"fallback", library, "net/http", true},
		{"fallback", library, "net/http/httptrace", true},
		{"fallback", library, "net", false},
		{"fallback", library, module + "/internal/errs", false},
		{"fallback", library, module + "/internal/transport", true},
		{"fallback", library, module + "/deflector", true},
		{"fallback", library, module + "/fallback/delivery", true},
		{"fallback", library, module + "/fallback/senders", true},
		{"fallback", inside, module + "/fallback/fallbacktest", false},
		{"fallback", asCaller, module + "/fallback/senders", false},
		{"fallback", library, "golang.org/x/sync/errgroup", true},
		{"fallback/delivery", library, module + "/fallback", false},
		{"fallback/delivery", library, module + "/fallback/senders", true},
		{"fallback/delivery", library, module + "/deflector", true},
		{"fallback/delivery", library, module + "/fallback/fallbacktest", true},
		{"fallback/senders", library, module + "/fallback/delivery", false},
		{"fallback/senders", library, module + "/octopush", false},
		{"fallback/senders", library, module + "/octopush/octopushtest", true},
		{"fallback/senders", inside, module + "/octopush/octopushtest", false},
		{"fallback/delivery/sqlstore", library, module + "/fallback/delivery", false},
		{"fallback/delivery/sqlstore", library, module + "/deflector", true},
		{"fallback/delivery/sqlstore/sqlite", library, "modernc.org/sqlite", false},
		{"examples/otp", library, module + "/internal/errs", true},
		{"examples/otp", library, module + "/octopush/octopushtest", false},
		{"examples/otp", library, module + "/examples/internal/example", false},
		{"", library, module + "/fallback", true},
	} {
		if got := refuses(c.dir, c.k, c.p) != ""; got != c.refuse {
			t.Errorf("%q importing %s: refused %t, want %t", c.dir, c.p, got, c.refuse)
		}
	}
}

// TestThinFallback looks at what package fallback brings along.
func TestThinFallback(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "./fallback")
	cmd.Dir = rootDir(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(out))
	if !slices.Contains(deps, module+"/internal/errs") {
		t.Error("the list of dependencies does not hold internal/errs: is it the right one?")
	}
	for _, p := range deps {
		local, ours := strings.CutPrefix(p, module+"/")
		switch {
		case ours && local != "fallback" && !slices.Contains(thin, local):
			t.Errorf("package fallback brings %s along", p)
		case p == "net/http" || !ours && !isStandard(p) && !strings.HasPrefix(p, "vendor/"):
			t.Errorf("package fallback brings %s along", p)
		}
	}
}
