package arch

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/cpaas-go/cpaas"

// source is one Go file of the tree.
type source struct {
	dir  string // from the root of the tree, with slashes; "" is the root
	name string
	fset *token.FileSet
	file *ast.File
}

func (s source) path() string { return path.Join(s.dir, s.name) }

func (s source) test() bool { return strings.HasSuffix(s.name, "_test.go") }

// external reports whether s is a test that sees its package as users do.
func (s source) external() bool { return s.test() && strings.HasSuffix(s.file.Name.Name, "_test") }

func (s source) at(n ast.Node) string {
	return s.path() + ":" + strconv.Itoa(s.fset.Position(n.Pos()).Line)
}

func (s source) imports() []string {
	var paths []string
	for _, spec := range s.file.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err == nil {
			paths = append(paths, p)
		}
	}
	return paths
}

// root is the folder of the module.
var root = sync.OnceValues(func() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	dir = filepath.Dir(filepath.Dir(dir))
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		return "", err
	}
	return dir, nil
})

func rootDir(t *testing.T) string {
	t.Helper()
	dir, err := root()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// load parses every Go file of every module in the tree, but not those of
// testdata.
var load = sync.OnceValues(func() ([]source, error) {
	dir, err := root()
	if err != nil {
		return nil, err
	}
	var all []source
	err = fs.WalkDir(os.DirFS(dir), ".", func(p string, d fs.DirEntry, err error) error {
		name := d.Name()
		switch {
		case err != nil:
			return err
		case d.IsDir() && p != "." && (name == "testdata" || name == "vendor" || name == "node_modules" || name[0] == '.' || name[0] == '_'):
			return fs.SkipDir
		case d.IsDir() || path.Ext(p) != ".go":
			return nil
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, filepath.Join(dir, filepath.FromSlash(p)), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		all = append(all, source{dir: strings.TrimPrefix(path.Dir(p), "."), name: name, fset: fset, file: file})
		return nil
	})
	if err == nil && len(all) == 0 {
		err = errors.New("no Go files found")
	}
	return all, err
})

func tree(t *testing.T) []source {
	t.Helper()
	all, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// providers are the folders of the providers: every package at the top that
// is not one of the others. A second API of a vendor is a provider too.
func providers(t *testing.T) []string {
	t.Helper()
	found := map[string]bool{}
	for _, s := range tree(t) {
		for _, decl := range s.file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "New" && !s.test() && vendor(s.dir) != "" {
				found[s.dir] = true
			}
		}
	}
	if len(found) == 0 {
		t.Fatal("no provider found")
	}
	return slices.Sorted(maps.Keys(found))
}

// vendor is the folder at the top of a provider's package; "" for every other
// package.
func vendor(dir string) string {
	top, _, _ := strings.Cut(dir, "/")
	switch top {
	case "fallback", "internal", "examples", "docs":
		return ""
	}
	return top
}
