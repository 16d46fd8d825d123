package seal_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"text/template"

	"fsk/seal"
)

// canary is a key that appears nowhere else.
var canary = []byte("canary-\x9c\x1f-do-not-show-this-key!!")

// shows reports in which form a text gives away six bytes of the canary in a row, as
// they are or as HMAC keeps them: combined with its two constants.
func shows(text string) string {
	lower := strings.ToLower(text)
	for mask, as := range map[byte]string{0: "", 0x36: " of HMAC's inner pad", 0x5c: " of HMAC's outer pad"} {
		masked := bytes.Clone(canary)
		for i := range masked {
			masked[i] ^= mask
		}
		for i := range len(masked) - 5 {
			window := masked[i : i+6]
			decimal := strings.Trim(fmt.Sprint(window), "[]")
			for form, s := range map[string]string{
				"raw":             string(window),
				"quoted":          strings.Trim(fmt.Sprintf("%q", window), `"`),
				"hex":             hex.EncodeToString(window),
				"spaced hex":      fmt.Sprintf("% x", window),
				"hex with prefix": strings.Trim(fmt.Sprintf("%#v", window), "[]byte{}"),
				"decimal":         decimal,
				"decimal, commas": strings.ReplaceAll(decimal, " ", ","),
				"decimal, list":   strings.ReplaceAll(decimal, " ", ", "),
			} {
				if strings.Contains(lower, strings.ToLower(s)) {
					return form + as
				}
			}
		}
	}
	for shift := range 3 {
		if strings.Contains(text, base64.StdEncoding.EncodeToString(canary[shift:])[:8]) {
			return "base64"
		}
	}
	return ""
}

func TestShowsFindsTheCanary(t *testing.T) {
	for name, text := range map[string]string{
		"raw": string(canary), "hex": fmt.Sprintf("%X", canary), "verb v": fmt.Sprint(canary),
		"verb #v": fmt.Sprintf("%#v", canary), "json": `"` + base64.StdEncoding.EncodeToString(canary) + `"`,
		"quoted": fmt.Sprintf("%q", canary),
	} {
		if shows(text) == "" {
			t.Errorf("shows misses the canary in %s", name)
		}
	}
}

type holders struct {
	Ring     seal.Ring
	Pointer  *seal.Ring
	Any      any
	Map      map[string]*seal.Ring
	List     []seal.Ring
	inner    seal.Ring
	innerPtr *seal.Ring
}

func TestNothingShowsAKey(t *testing.T) {
	ring := ringOf(t, canary, keyN(1))
	ring.AppendTrailer(nil, []byte("so that the pool of states holds the key"))
	writer := ring.NewWriter()
	values := map[string]any{
		"value": *ring, "pointer": ring, "pointer to pointer": &ring,
		"struct":             holders{*ring, ring, *ring, map[string]*seal.Ring{"a": ring}, []seal.Ring{*ring}, *ring, ring},
		"pointer to struct":  &holders{*ring, ring, ring, map[string]*seal.Ring{"a": ring}, []seal.Ring{*ring}, *ring, ring},
		"slice":              []any{ring, *ring},
		"array":              [1]seal.Ring{*ring},
		"derived":            ring.Derive("fsk test"),
		"id":                 ring.ID(0),
		"warnings":           ring.Warnings(),
		"writer":             writer,
		"struct with writer": struct{ W *seal.Writer }{writer},
	}
	for name, v := range values {
		t.Run(name, func(t *testing.T) {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "% x", "%#x", "%q", "%d", "%o", "%b", "%c", "%U", "%t", "%T", "%p", "%10v", "%-80s"} {
				if form := shows(fmt.Sprintf(verb, v)); form != "" {
					t.Errorf("%s shows the key as %s", verb, form)
				}
			}
			for encoder, encode := range encoders {
				var out bytes.Buffer
				err := encode(&out, v)
				if form := shows(out.String() + fmt.Sprint(err)); form != "" {
					t.Errorf("%s shows the key as %s", encoder, form)
				}
			}
		})
	}
}

var encoders = map[string]func(out *bytes.Buffer, v any) error{
	"json":      func(out *bytes.Buffer, v any) error { return json.NewEncoder(out).Encode(v) },
	"xml":       func(out *bytes.Buffer, v any) error { return xml.NewEncoder(out).Encode(v) },
	"gob":       func(out *bytes.Buffer, v any) error { return gob.NewEncoder(out).Encode(v) },
	"binary":    func(out *bytes.Buffer, v any) error { return binary.Write(out, binary.BigEndian, v) },
	"print":     func(out *bytes.Buffer, v any) error { _, err := fmt.Fprint(out, v); return err },
	"errorf":    func(out *bytes.Buffer, v any) error { return fmt.Errorf("cannot use %v", v) },
	"slog text": func(out *bytes.Buffer, v any) error { slogTo(slog.NewTextHandler(out, nil), v); return nil },
	"slog json": func(out *bytes.Buffer, v any) error { slogTo(slog.NewJSONHandler(out, nil), v); return nil },
	"template": func(out *bytes.Buffer, v any) error {
		return template.Must(template.New("").Parse("{{.}} {{printf `%#v` .}}")).Execute(out, v)
	},
}

func slogTo(h slog.Handler, v any) {
	slog.New(h).With("with", v).WithGroup("group").Info("message", "value", v, slog.Group("g", "v", v))
}

func TestRingPrintsIDs(t *testing.T) {
	ring := ringOf(t, keyN(1), keyN(2))
	want := "seal.Ring(" + ring.ID(0).String() + " " + ring.ID(1).String() + ")"
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
		if got := fmt.Sprintf(verb, ring); got != want {
			t.Errorf("%s of a *Ring = %s, want %s", verb, got, want)
		}
		if got := fmt.Sprintf(verb, *ring); got != want {
			t.Errorf("%s of a Ring = %s, want %s", verb, got, want)
		}
	}
	if got := fmt.Sprint(seal.Off); got != "seal.Off" {
		t.Errorf("Off prints %s", got)
	}
	text, err := json.Marshal(struct {
		R *seal.Ring
		V seal.Ring
		K seal.KeyID
	}{ring, *ring, ring.ID(0)})
	if wantJSON := fmt.Sprintf(`{"R":%q,"V":%q,"K":%q}`, want, want, ring.ID(0)); err != nil || string(text) != wantJSON {
		t.Errorf("json gives %s, %v, want %s", text, err, wantJSON)
	}
}

func TestKeyErrorsShowNoKey(t *testing.T) {
	text := hex.EncodeToString(canary)
	for _, input := range []string{text + ":", text + "0", ":" + text, text + "::" + text, text + " ", "0x" + text,
		strings.ReplaceAll(text, "6", "g"), string(canary), text + "\n", text + ":" + string(canary)} {
		_, err := seal.ParseKeys(input)
		if err == nil {
			t.Errorf("ParseKeys accepts a bad form of the key")
			continue
		}
		chain := ""
		for e := err; e != nil; e = errors.Unwrap(e) {
			chain += fmt.Sprintf("%v %+v %#v %T\n", e, e, e, e)
		}
		if form := shows(chain); form != "" {
			t.Errorf("the error shows the key as %s", form)
		}
	}
}

func TestZeroKeyID(t *testing.T) {
	if !(seal.KeyID{}).IsZero() || ringOf(t, keyN(1)).ID(0).IsZero() {
		t.Error("IsZero does not tell the zero id from a key's")
	}
}
