package refs_test

import (
	"strings"
	"testing"

	"fsk/refs"
)

func TestParseName(t *testing.T) {
	long := strings.Repeat("a", 99)
	for _, tt := range []struct {
		claim, name string
		ok          bool
	}{
		{"one component", "main", true},
		{"several components", "builds/linux_amd64/v1.2-rc.1", true},
		{"a component of 100 bytes", long + "z", true},
		{"a device's name as a part of a word", "console", true},
		{"com without a digit", "comx", true},
		{"empty", "", false},
		{"a component of 101 bytes", long + "zz", false},
		{"256 bytes", strings.Repeat(long+"/", 2) + strings.Repeat("z", 56), false},
		{"255 bytes", strings.Repeat(long+"/", 2) + strings.Repeat("z", 55), true},
		{"upper case", "Main", false},
		{"parent directory", "../x", false},
		{"absolute", "/etc/x", false},
		{"empty component", "a//b", false},
		{"dot", ".", false},
		{"dot dot inside", "a/..", false},
		{"ends in a slash", "a/", false},
		{"hidden", ".a", false},
		{"an option", "-rf", false},
		{"ends in a dot", "a.", false},
		{"ends in .lock", "a.lock", false},
		{".lock before a slash", "a.lock/b", false},
		{"a device", "aux", false},
		{"a device with a suffix", "aux.txt", false},
		{"a port", "x/com1", false},
		{"NUL byte", "a\x00b", false},
		{"line feed", "a\n", false},
		{"escape", "a\x1b[0m", false},
		{"KELVIN SIGN", "\u212a", false},
		{"composed and decomposed", "\u00e9", false},
		{"hexadecimal digits alone", "abc", false},
		{"a digest", strings.Repeat("0", 64), false},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			name, err := refs.ParseName(tt.name)
			if (err == nil) != tt.ok {
				t.Fatalf("ParseName(%q) = %v, want ok %v", tt.name, err, tt.ok)
			}
			if tt.ok && name.String() != tt.name {
				t.Errorf("ParseName(%q) is the name %q", tt.name, name)
			}
		})
	}
}

// A name that looks well is told what is wrong with it.
func TestParseNameTellsWhy(t *testing.T) {
	for name, want := range map[string]string{
		"Main":                    "lowercase letters",
		"a//b":                    "lowercase letters",
		"":                        "lowercase letters",
		"con":                     "device of Windows",
		"x/aux.txt":               "device of Windows",
		"a.lock":                  "'.lock'",
		"a.":                      "does not end in '.'",
		"../x":                    "begins with a letter or digit",
		strings.Repeat("a", 101):  "each part at most 100",
		strings.Repeat("a/", 200): "at most 255 bytes",
		"cafe":                    "hexadecimal digits alone",
	} {
		if _, err := refs.ParseName(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseName(%q) = %v, want %q", name, err, want)
		}
	}
}

func TestCheckNamespaceTakesDigits(t *testing.T) {
	if err := refs.CheckNamespace("cafe"); err != nil {
		t.Errorf("CheckNamespace(cafe) = %v", err)
	}
	if refs.CheckNamespace("a/../b") == nil {
		t.Error("CheckNamespace(a/../b) = nil")
	}
}
