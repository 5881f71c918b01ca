package arch

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mayRequire is what the root module's go.mod may require. What a user of the
// module downloads depends on it.
var mayRequire = []string{
	retryable, querystring, "golang.org/x/time", "golang.org/x/sync",
	"github.com/stretchr/testify", "github.com/jarcoal/httpmock", "go.uber.org/goleak",
}

type goMod struct {
	Module struct{ Path string }
	Go     string
	Require,
	Exclude, Replace, Tool []struct {
		Path     string
		Indirect bool
	}
	Toolchain string
}

func readGoMod(t *testing.T, file string) goMod {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json", file)
	cmd.Dir = rootDir(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	var m goMod
	if err := json.Unmarshal(out, &m); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return m
}

func TestGoMod(t *testing.T) {
	t.Parallel()
	m := readGoMod(t, "go.mod")
	if m.Module.Path != module {
		t.Errorf("module %s, want %s", m.Module.Path, module)
	}
	for _, r := range m.Require {
		if !r.Indirect && !slices.Contains(mayRequire, r.Path) {
			t.Errorf("go.mod requires %s: heavier things live in modules of their own", r.Path)
		}
	}
	if len(m.Replace)+len(m.Exclude)+len(m.Tool) > 0 || m.Toolchain != "" {
		t.Error("go.mod has a replace, exclude, tool or toolchain directive: users do not get it, or do not want it")
	}
}

// TestGoVersion keeps the modules of the tree at one version of Go, and all of
// them named and joined in one way.
func TestGoVersion(t *testing.T) {
	t.Parallel()
	want := readGoMod(t, "go.mod").Go
	files, err := filepath.Glob(filepath.Join(rootDir(t), "*", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	deeper, err := filepath.Glob(filepath.Join(rootDir(t), "*", "*", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	deepest, err := filepath.Glob(filepath.Join(rootDir(t), "*", "*", "*", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	files = slices.Concat(files, deeper, deepest)
	if len(files) == 0 {
		t.Fatal("no nested module found")
	}
	for _, file := range files {
		dir, err := filepath.Rel(rootDir(t), filepath.Dir(file))
		if err != nil {
			t.Fatal(err)
		}
		dir = filepath.ToSlash(dir)
		m := readGoMod(t, file)
		if m.Go != want {
			t.Errorf("%s/go.mod: go %s, want %s as in the root's", dir, m.Go, want)
		}
		if !strings.Contains(dir, "testdata") && m.Module.Path != module+"/"+dir {
			t.Errorf("%s/go.mod: module %s", dir, m.Module.Path)
		}
		if inRootModule(dir) && !strings.Contains(dir, "testdata") {
			t.Errorf("%s is a module that inRootModule does not know", dir)
		}
	}
}
