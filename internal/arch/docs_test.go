package arch

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestDocs builds the Go code of the documentation.
//
// A block that begins with a package clause is a program of its own. A block
// of declarations stands beside the others of its page. Every other block is
// part of one function, "func(ctx context.Context) (err error)", and sees the
// variables of the blocks above it; what else it needs stands in a comment
// that the page does not show, on the lines before it:
//
//	<!-- go: var msg fallback.Message -->
//
// Imports are added by the names that are used.
func TestDocs(t *testing.T) {
	t.Parallel()
	var pages []string
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		found, err := filepath.Glob(filepath.Join(rootDir(t), filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	if len(pages) == 0 {
		t.Fatal("no page found")
	}
	for _, page := range pages {
		name, err := filepath.Rel(rootDir(t), page)
		if err != nil {
			t.Fatal(err)
		}
		name = filepath.ToSlash(name)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			content, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			programs, err := compose(name, string(content), packages(t))
			if err != nil {
				t.Fatal(err)
			}
			if len(programs) == 0 {
				return
			}
			if out := build(t, programs); out != "" {
				t.Errorf("the Go code of %s does not compile:\n%s", name, out)
			}
		})
	}
}

// TestDocsBite shows that code which does not compile is found, on its line.
func TestDocsBite(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ page, want string }{
		"good": {"a\n```go\nkey := os.Getenv(\"K\")\n```\nb\n```go\nkey = strings.ToUpper(key)\nfmt.Println(key, ctx.Err())\n```\n" +
			"<!-- go: var n int -->\n```go\nif n > 0 {\n\treturn errors.New(\"n\")\n}\n```\n```go\ntype T struct{ N int }\n\nfunc (t T) String() string { return fmt.Sprint(t.N) }\n```\n" +
			"```go\npackage main\n\nfunc main() {}\n```\n", ""},
		"type":             {"a\n\n```go\nvar n int = \"x\"\n```\n", "page.md:4"},
		"unknown name":     {"```go\nfmt.Printl(1)\n```\n", "page.md:2"},
		"undeclared":       {"```go\nmissing()\n```\n", "page.md:2"},
		"printf":           {"```go\nfmt.Printf(\"%d\", \"x\")\n```\n", "page.md:2"},
		"program":          {"```go\npackage main\n\nfunc main() { x }\n```\n", "page.md:4"},
		"syntax":           {"\n```go\nif {\n```\n", "page.md:3"},
		"internal package": {"```go\npackage main\n\nimport _ \"" + module + "/internal/errs\"\n\nfunc main() {}\n```\n", "internal"},
		"never closed":     {"```go\nx := 1\n", "page.md:1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			programs, err := compose("page.md", c.page, packages(t))
			var got string
			if err == nil {
				got = build(t, programs)
			} else {
				got = err.Error()
			}
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// block is a fenced block of Go code.
type block struct {
	line    int // of its first line of code
	code    string
	prelude []string // from the comment before it
}

func blocks(name, page string) ([]block, error) {
	var all []block
	var prelude []string
	var open *block
	n := 0
	for text := range strings.Lines(page) {
		n++
		line := strings.TrimSpace(text)
		switch {
		case open != nil && line == "```":
			all = append(all, *open)
			open, prelude = nil, nil
		case open != nil:
			open.code += text
		case line == "```go":
			open = &block{line: n + 1, prelude: prelude}
		case strings.HasPrefix(line, "<!-- go:"):
			prelude = append(prelude, strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(line, "<!-- go:"), "-->")))
		case line != "":
			prelude = nil
		}
	}
	if open != nil {
		return nil, fmt.Errorf("%s:%d: the block is not closed", name, open.line-1)
	}
	return all, nil
}

// compose makes the programs that a page consists of.
func compose(name, page string, known map[string]string) ([]string, error) {
	all, err := blocks(name, page)
	if err != nil {
		return nil, err
	}
	var programs []string
	var decls, body strings.Builder
	nested := 0
	for _, b := range all {
		at := fmt.Sprintf("//line %s:%d\n", name, b.line)
		if f, err := parser.ParseFile(token.NewFileSet(), "", b.code, parser.ImportsOnly); err == nil {
			if err := usersImports(f); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", name, b.line, err)
			}
			programs = append(programs, at+b.code)
			continue
		}
		if f, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+b.code, 0); err == nil && onlyFuncsAndTypes(f) {
			decls.WriteString(at + b.code + "\n")
			continue
		}
		declared, err := variables(at + b.code)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, b.line, err)
		}
		body.WriteString("{\n")
		nested++
		for _, p := range b.prelude {
			body.WriteString(p + "\n")
			more, err := variables(p)
			if err != nil {
				return nil, fmt.Errorf("%s:%d: prelude: %w", name, b.line, err)
			}
			declared = append(declared, more...)
		}
		body.WriteString(at + b.code + "\n")
		for _, v := range declared {
			body.WriteString("_ = " + v + "\n")
		}
	}
	if decls.Len() == 0 && nested == 0 {
		return programs, nil
	}
	code := decls.String() + "func _(ctx context.Context) (err error) {\n" + body.String() + strings.Repeat("}\n", nested) + "return nil\n}\n"
	imports, err := imports(code, known)
	if err != nil {
		return nil, err
	}
	return append(programs, "package main\n"+imports+code+"func main() {}\n"), nil
}

// usersImports refuses what only code inside the module can import.
func usersImports(f *ast.File) error {
	for _, spec := range f.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err == nil && strings.HasPrefix(p, module) && strings.Contains(p, "/internal") {
			return errors.New(p + " is internal: a reader cannot import it")
		}
	}
	return nil
}

// onlyFuncsAndTypes reports whether f may stand at the top of a file without
// hiding variables from the blocks after it.
func onlyFuncsAndTypes(f *ast.File) bool {
	for _, d := range f.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok != token.TYPE {
			return false
		}
	}
	return len(f.Decls) > 0
}

// variables are the names that statements declare for those after them.
func variables(code string) ([]string, error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "", "package p\nfunc _() {\n"+code+"\n}", 0)
	if err != nil {
		return nil, err
	}
	fn, ok := f.Decls[len(f.Decls)-1].(*ast.FuncDecl)
	if !ok || len(f.Decls) != 1 {
		return nil, errors.New("statements and functions in one block: split it")
	}
	var names []string
	add := func(e ast.Expr) {
		if id, ok := e.(*ast.Ident); ok && id.Name != "_" {
			names = append(names, id.Name)
		}
	}
	for _, s := range fn.Body.List {
		switch s := s.(type) {
		case *ast.AssignStmt:
			if s.Tok == token.DEFINE {
				for _, e := range s.Lhs {
					add(e)
				}
			}
		case *ast.DeclStmt:
			g, ok := s.Decl.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, spec := range g.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok {
					for _, id := range v.Names {
						add(id)
					}
				}
			}
		}
	}
	return names, nil
}

// imports is the import declaration for the packages that code names.
func imports(code string, known map[string]string) (string, error) {
	f, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+code, 0)
	if err != nil {
		return "", err
	}
	used := map[string]bool{"context": true}
	declared := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			// The parser resolves what the code itself declares.
			if x, ok := n.X.(*ast.Ident); ok && x.Obj == nil {
				used[x.Name] = true
			}
		case *ast.FuncDecl:
			declared[n.Name.Name] = true
		}
		return true
	})
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(used)) {
		if p, ok := known[name]; ok && !declared[name] {
			fmt.Fprintf(&b, "import %s %q\n", name, p)
		}
	}
	return b.String(), nil
}

// packages are the packages that documentation may use, by name.
func packages(t *testing.T) map[string]string {
	t.Helper()
	known := map[string]string{}
	for _, p := range []string{
		"bytes", "cmp", "context", "crypto/tls", "database/sql", "encoding/json", "errors", "fmt", "io", "iter", "log", "log/slog",
		"maps", "net/http", "net/http/httptest", "os", "os/signal", "slices", "strings", "sync", "testing", "testing/synctest", "time",
	} {
		known[path.Base(p)] = p
	}
	for _, s := range tree(t) {
		if s.test() || s.dir == "" || s.file.Name.Name == "main" || strings.Contains("/"+s.dir+"/", "/internal/") {
			continue
		}
		name := s.file.Name.Name
		if old, taken := known[name]; taken && old != module+"/"+s.dir {
			name = path.Base(path.Dir(s.dir)) + name // two packages of one name: "webexconnectv2"
		}
		known[name] = module + "/" + s.dir
	}
	return known
}

// build compiles and vets programs as a user of the module would, and returns
// what is wrong with them.
func build(t *testing.T, programs []string) string {
	t.Helper()
	var wrong strings.Builder
	for _, code := range programs {
		file := filepath.Join(t.TempDir(), "main.go")
		if err := os.WriteFile(file, []byte(code), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "go", "vet", "-unreachable=false", file)
		cmd.Dir = rootDir(t)
		if work := filepath.Join(rootDir(t), "go.work"); exists(work) {
			cmd.Env = append(os.Environ(), "GOWORK="+work) // the pages speak of every module
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			fmt.Fprintf(&wrong, "%s%v\n", out, err)
		}
	}
	return wrong.String()
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}
