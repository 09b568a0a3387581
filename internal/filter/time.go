package filter

import (
	"regexp"
	"strings"
	"time"
)

// timePattern is what looks like a time; ParseTime decides.
var timePattern = regexp.MustCompile(`^\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d.*)?$`)

// timeLayouts are the forms of a time. Go reads a fraction of a second where the
// seconds are, without a layout saying so.
var timeLayouts = []string{
	"2006-01-02T15:04:05Z07:00",
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02T15:04:05Z0700",
	"2006-01-02 15:04:05Z0700",
	"2006-01-02T15:04:05",
	"2006-01-02 15:04:05",
	"2006-01-02T15:04",
	"2006-01-02 15:04",
	"2006-01-02",
}

// ParseTime reads a time as a filter, and Qdrant in what it has stored, writes
// it: RFC 3339, also with a space for the T, without the zone (then UTC is
// meant), without seconds, or the date alone.
func ParseTime(text string) (time.Time, bool) {
	text = strings.ToUpper(text) // RFC 3339 lets T and Z be small
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			t = t.UTC()
			return t, t.Year() >= 1 && t.Year() <= 9999
		}
	}
	return time.Time{}, false
}
