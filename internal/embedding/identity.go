package embedding

import "fmt"

// Identity is what makes two vectors comparable: the model, and what stood
// around the text. It is recorded with every index.
type Identity struct {
	Model                      string
	Dimensions                 int // 0: not known yet
	QueryPrefix, PassagePrefix string
	QueryBody, PassageBody     string // JSON objects with sorted keys; empty: none
}

// Diff names every difference between i, an index's identity, and now, that of
// the client in use; none means that their vectors may be compared. Dimensions
// 0 match any.
func (i Identity) Diff(now Identity) []string {
	var out []string
	if i.Model != now.Model {
		out = append(out, fmt.Sprintf("model %q (index) vs %q (now)", i.Model, now.Model))
	}
	if i.Dimensions != now.Dimensions && i.Dimensions != 0 && now.Dimensions != 0 {
		out = append(out, fmt.Sprintf("dimensions %d (index) vs %d (now)", i.Dimensions, now.Dimensions))
	}
	for _, field := range []struct{ what, index, now string }{
		{"query prefix", i.QueryPrefix, now.QueryPrefix},
		{"passage prefix", i.PassagePrefix, now.PassagePrefix},
		{"query request fields", i.QueryBody, now.QueryBody},
		{"passage request fields", i.PassageBody, now.PassageBody},
	} {
		if field.index != field.now {
			out = append(out, fmt.Sprintf("%s %q (index) vs %q (now)", field.what, field.index, field.now))
		}
	}
	return out
}
