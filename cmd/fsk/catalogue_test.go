package main_test

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The rows of the catalogues: attacks, faults, and promises, each with the page it is on.
var catalogues = []struct {
	letter, page string
	rows, none   int // the last number, and one that there is not
}{
	{"A", "docs/security.md", 45, 34}, {"F", "docs/durability.md", 27, 0},
	{"S", "docs/security.md", 16, 0}, {"D", "docs/durability.md", 11, 0},
}

var (
	lastResult = regexp.MustCompile(`^(pass|fail|skipped)\b.* 20[0-9]{2}-[0-9]{2}-[0-9]{2}$`)
	testInRow  = regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9_]*)`")
)

// TestCatalogue wants each row in its table, once, with tests that exist and what came of
// them. With -v it prints how the tests of a row are run.
func TestCatalogue(t *testing.T) {
	packages := testPackages(t)
	for _, c := range catalogues {
		table := catalogueRows(t, c.page, c.letter)
		for n := 1; n <= c.rows; n++ {
			if n == c.none {
				continue
			}
			row := fmt.Sprint(c.letter, n)
			t.Run(row, func(t *testing.T) {
				cells, ok := table[row]
				if !ok {
					t.Fatalf("%s has no row %s", c.page, row)
				}
				delete(table, row)
				checkRow(t, cells, packages)
			})
		}
		for row := range table {
			t.Errorf("%s: the row %s is in no catalogue, or there twice", c.page, row)
		}
	}
}

// checkRow checks the last cells of a row, and prints how its tests are run.
func checkRow(t *testing.T, cells []string, packages map[string][]string) {
	t.Helper()
	if result := cells[len(cells)-1]; !lastResult.MatchString(result) {
		t.Errorf("the last result is %q", result)
	}
	var tests, dirs []string
	for _, m := range testInRow.FindAllStringSubmatch(cells[len(cells)-2], -1) {
		in := packages[m[1]]
		if len(in) == 0 {
			t.Errorf("there is no test %s", m[1])
		}
		tests, dirs = append(tests, m[1]), append(dirs, in...)
	}
	if len(tests) == 0 {
		t.Error("it names no test")
	}
	slices.Sort(dirs)
	t.Logf("go test -run '^(%s)$' %s", strings.Join(tests, "|"), strings.Join(slices.Compact(dirs), " "))
}

// catalogueRows are the rows of a page that begin with a letter and a number, by that.
func catalogueRows(t *testing.T, page, letter string) map[string][]string {
	t.Helper()
	rows := make(map[string][]string)
	form := regexp.MustCompile(`(?m)^\| (` + letter + `[0-9]+) \| (.*) \|$`)
	for _, m := range form.FindAllStringSubmatch(docRead(t, page), -1) {
		if rows[m[1]] != nil {
			m[1] += ", twice"
		}
		rows[m[1]] = strings.Split(m[2], " | ")
	}
	return rows
}

// testPackages tells in which packages there is a test of a name.
func testPackages(t *testing.T) map[string][]string {
	t.Helper()
	packages := make(map[string][]string)
	err := fs.WalkDir(os.DirFS(docRoot(t)), ".", func(file string, e fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".go") || e.IsDir() {
			return err
		}
		text, err := fs.ReadFile(os.DirFS(docRoot(t)), file)
		for _, m := range anyTest.FindAllSubmatch(text, -1) {
			if name, dir := string(m[1]), "./"+path.Dir(file); !slices.Contains(packages[name], dir) {
				packages[name] = append(packages[name], dir)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return packages
}

var (
	docTest = regexp.MustCompile("`((?:Test|Fuzz|Example)[A-Za-z0-9_]*)(?:/[^`]*)?`")
	anyTest = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Example)[A-Za-z0-9_]*)\(`)
)

// TestDocsTests looks for the tests that the pages name as the proof of a promise.
func TestDocsTests(t *testing.T) {
	packages := testPackages(t)
	for _, page := range docPages {
		for _, m := range docTest.FindAllStringSubmatch(docRead(t, page), -1) {
			if packages[m[1]] == nil {
				t.Errorf("%s: there is no test %s", page, m[1])
			}
		}
	}
}
