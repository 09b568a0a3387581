package embedded

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func FuzzParsePath(f *testing.F) {
	for _, seed := range []string{
		"year", "metadata.year", "parts[].n", "parts[0][1]", `"dot.ted"`, `a."b c"[]`, "ไทย-1_x", "", ".", "a.", "a[", "a[-1]", "a[+1]", "a[]]", `"`, "a b",
		"a[99999999999999999999]",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePath(text)
		if err != nil {
			if status.Code(err) != codes.InvalidArgument {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if len(p) == 0 || p[0].index != noIndex {
			t.Fatalf("%q: %v does not begin with a key", text, p)
		}
		plain := !strings.ContainsAny(text, `."[`)
		if plain != (len(p) == 1 && p[0].key == text) {
			t.Errorf("%q: %v", text, p)
		}
		p.values(nil) // must not need a payload
	})
}
