package cli_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/query-synergy/query-synergy/internal/cli"
)

// screen is what a terminal shows after output: enough of one for what a
// progress bar sends.
func screen(output string) []string {
	rows := []string{""}
	at := 0
	for len(output) > 0 {
		switch {
		case strings.HasPrefix(output, "\x1b["):
			end := strings.IndexAny(output, "AJm")
			switch output[end] {
			case 'A':
				up := 0
				for _, digit := range output[2:end] {
					up = up*10 + int(digit-'0')
				}
				at = max(0, at-up)
			case 'J':
				rows = append(rows[:at:at], "")
			}
			output = output[end+1:]
			continue
		case output[0] == '\r': // every line here is written from its start
		case output[0] == '\n':
			at++
			if at == len(rows) {
				rows = append(rows, "")
			}
		default:
			rows[at] += output[:1]
		}
		output = output[1:]
	}
	return rows
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come", what)
		}
	}
}

func TestProgressLeavesNoTrace(t *testing.T) {
	t.Setenv("TERM", "xterm")
	tests := map[string]struct {
		total int64
		unit  cli.Unit
		add   int64
		shows string
	}{
		"stopped in the middle": {10, cli.Items, 3, "3/10"},
		"complete":              {10, cli.Items, 10, "10/10"},
		"beyond the total":      {10, cli.Items, 11, "11/11"},
		"bytes":                 {4096, cli.Bytes, 1024, "1.0 KiB / 4.0 KiB"},
		"unknown total":         {0, cli.Items, 7, " 7 "},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			term := openTerminal(t, 100)
			progress := cli.Streams{Stderr: term.far}.Progress("embed \x1bth", test.total, test.unit)
			defer progress.Close()
			progress.Add(test.add)
			progress.Note("5 of \x1bthem")
			waitFor(t, "a note", func() bool { return strings.Contains(term.seen(), ", 5 of \uFFFDthem") })
			waitFor(t, "a bar with "+test.shows, func() bool { return strings.Contains(term.seen(), test.shows) })
			progress.Printf("line %d: %s", 7, "bad\x1b[2Jtext")
			progress.Close()
			progress.Close()
			progress.Add(1)
			progress.Printf("after")
			output := term.finish()
			if got := strings.Join(screen(output), "|"); got != "line 7: bad\uFFFD[2Jtext|after|" {
				t.Errorf("the screen shows %q after %q", got, output)
			}
			if !strings.Contains(output, "embed \uFFFDth") {
				t.Errorf("no name in %q", output)
			}
		})
	}
}

func TestTableOnTerminal(t *testing.T) {
	columns := []cli.Column{{Title: "id"}, {Title: "text", Flex: true}, {Title: "score", Right: true}}
	rows := [][]string{{"1", "مرحبا بالعالم هنا", "0.5"}, {"2", "ภาษาไทยที่ยาวมาก", "0.25"}}
	print := func(t *testing.T) string {
		term := openTerminal(t, 24)
		if err := (cli.Streams{Stdout: term.far}).Table(columns, rows); err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(term.finish(), "\r", "")
	}
	plain := "id  text           score\n" +
		"1   \u2068مرحبا بالعال…\u2069    0.5\n" +
		"2   ภาษาไทยที่ยาวม…   0.25\n"
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	title, rest, _ := strings.Cut(plain, "\n")
	if got, want := print(t), "\x1b[1m"+title+"\x1b[0m\n"+rest; got != want {
		t.Errorf("with colour:\n%q\nwant\n%q", got, want)
	}
	t.Setenv("NO_COLOR", "1")
	if got := print(t); got != plain {
		t.Errorf("NO_COLOR:\n%q\nwant\n%q", got, plain)
	}
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "dumb")
	if got := print(t); got != plain {
		t.Errorf("TERM=dumb:\n%q\nwant\n%q", got, plain)
	}
}

func TestConfirm(t *testing.T) {
	for answer, want := range map[string]bool{"y": true, " YES ": true, "n": false, "": false, "yes please": false} {
		term := openTerminal(t, 80)
		var stderr bytes.Buffer
		term.typeLine(t, answer)
		got, err := cli.Streams{Stdin: term.far, Stderr: &stderr}.Confirm(t.Context(), "Delete \x1b[1mall?")
		if err != nil || got != want || stderr.String() != "Delete \uFFFD[1mall? [y/N] " {
			t.Errorf("answer %q: %v, %v, asked %q", answer, got, err, stderr.String())
		}
	}
	term := openTerminal(t, 80)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (cli.Streams{Stdin: term.far, Stderr: &bytes.Buffer{}}).Confirm(ctx, "Wait?"); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody answers: %v", err)
	}
	term.typeLine(t, "") // lets the read end
}
