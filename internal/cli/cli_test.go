package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"github.com/query-synergy/query-synergy/internal/cli"
)

// TestMain lets the test program stand in for a command, for the tests that
// send signals.
func TestMain(m *testing.M) {
	if os.Getenv("CLI_TEST_COMMAND") == "" {
		os.Exit(m.Run())
	}
	os.Exit(cli.Main("stand-in", func(ctx context.Context, _ []string, s cli.Streams) error {
		fmt.Fprintln(s.Stdout, "started")
		<-ctx.Done()
		fmt.Fprintln(s.Stdout, "stopping")
		if os.Getenv("CLI_TEST_COMMAND") == "stubborn" {
			select {}
		}
		return cli.WithHint(fmt.Errorf("search: %w", context.Canceled), "run it again to go on")
	}))
}

func TestSignals(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		code, stderr := signalled(t, "obedient", signal)
		if want := "stand-in: error: interrupted\nstand-in: hint: run it again to go on\n"; code != cli.ExitInterrupted || stderr != want {
			t.Errorf("%v: exit %d, stderr %q, want %d, %q", signal, code, stderr, cli.ExitInterrupted, want)
		}
		if code, _ := signalled(t, "stubborn", signal); code != -1 {
			t.Errorf("%v twice: exit %d, want death by the signal", signal, code)
		}
	}
}

// signalled runs this program as a command, sends the signal once
// (twice to a stubborn one), and returns its exit code, -1 for death by a signal.
func signalled(t *testing.T, kind string, signal syscall.Signal) (int, string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), "CLI_TEST_COMMAND="+kind)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(stdout)
	for _, want := range []string{"started\n", "stopping\n"} {
		if line, err := lines.ReadString('\n'); line != want {
			t.Fatalf("the command wrote %q, %v; want %q", line, err, want)
		}
		if want == "stopping\n" && kind == "obedient" {
			break
		}
		if err := command.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
	}
	var exit *exec.ExitError
	if err := command.Wait(); !errors.As(err, &exit) {
		t.Fatalf("the command ended with %v", err)
	}
	return exit.ExitCode(), stderr.String()
}

func TestExecute(t *testing.T) {
	base := errors.New("collection \"docs_th\" is missing")
	tests := map[string]struct {
		err    error
		code   int
		stderr string
	}{
		"done":           {nil, cli.ExitOK, ""},
		"help":           {cli.ErrHelpShown, cli.ExitOK, ""},
		"failed":         {base, cli.ExitFailed, "query: error: collection \"docs_th\" is missing\n"},
		"misuse":         {fmt.Errorf("read flags: %w", cli.UsageError{Err: base}), cli.ExitMisuse, "query: error: read flags: collection \"docs_th\" is missing\n"},
		"partial":        {cli.PartialError{Err: errors.New("2 of 9 documents were skipped")}, cli.ExitPartial, "query: error: 2 of 9 documents were skipped\n"},
		"many, one hint": {errors.Join(cli.WithHint(errors.New("a"), "h"), cli.WithHint(fmt.Errorf("b: %w", base), "h")), cli.ExitFailed, "query: error: a\nquery: error: b: collection \"docs_th\" is missing\nquery: hint: h\n"},
		"hints, nested":  {cli.WithHint(fmt.Errorf("x: %w", cli.WithHint(cli.UsageError{Err: base}, "inner")), "outer\nsecond line"), cli.ExitMisuse, "query: error: x: collection \"docs_th\" is missing\nquery: hint: outer\nquery: hint: second line\nquery: hint: inner\n"},
		"escape":         {errors.New("title \"\x1b]0;owned\a\""), cli.ExitFailed, "query: error: title \"\uFFFD]0;owned\uFFFD\"\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			run := func(context.Context, []string, cli.Streams) error { return test.err }
			code := cli.Execute(t.Context(), "query", run, nil, cli.Streams{Stdout: &stdout, Stderr: &stderr})
			if code != test.code || stderr.String() != test.stderr || stdout.Len() > 0 {
				t.Errorf("exit %d, stdout %q, stderr %q; want %d, %q", code, stdout.String(), stderr.String(), test.code, test.stderr)
			}
		})
	}
}

type grammar struct {
	Corpus string  `required:"" help:"${what} to search."`
	Prefix *string `help:"Prefix."`
	Delete struct {
		Lang string `required:"" help:"Language."`
	} `cmd:"" help:"Delete."`
}

func TestParse(t *testing.T) {
	parse := func(args ...string) (grammar, string, error) {
		var g grammar
		var stdout, stderr bytes.Buffer
		app := cli.App{Name: "indexer", Description: "Indexes.", Vars: map[string]string{"what": "Corpus"}}
		_, err := cli.Parse(app, &g, args, cli.Streams{Stdout: &stdout, Stderr: &stderr})
		if stderr.Len() > 0 {
			t.Errorf("%q: stderr %q", args, stderr.String())
		}
		return g, stdout.String(), err
	}
	g, _, err := parse("delete", "--corpus=docs", "--prefix=", "--lang", "th")
	if err != nil || g.Corpus != "docs" || g.Prefix == nil || *g.Prefix != "" || g.Delete.Lang != "th" {
		t.Errorf("parsed %+v, %v", g, err)
	}
	for _, args := range [][]string{{"--help"}, {"delete", "--help"}, {"--version"}} {
		_, out, err := parse(args...)
		want := "Corpus to search."
		if args[0] == "--version" {
			want = "indexer " + cli.Version() + "\n"
		}
		if !errors.Is(err, cli.ErrHelpShown) || !strings.Contains(out, want) {
			t.Errorf("%q: %v, stdout %q", args, err, out)
		}
	}
	for line, want := range map[string]string{
		"delete --lang th":                "indexer: error: missing flags: --corpus=STRING\nindexer: hint: see indexer delete --help\n",
		"delete --corpse docs":            "indexer: error: unknown flag --corpse, did you mean \"--corpus\"?\nindexer: hint: see indexer delete --help\n",
		"--corpus docs":                   "indexer: error: expected \"delete\"\nindexer: hint: see indexer --help\n",
		"delete --corpus d --lang th mor": "indexer: error: unexpected argument mor\nindexer: hint: see indexer delete --help\n",
	} {
		_, out, err := parse(strings.Fields(line)...)
		var stderr bytes.Buffer
		code := cli.Execute(t.Context(), "indexer", func(context.Context, []string, cli.Streams) error { return err }, nil, cli.Streams{Stderr: &stderr})
		if code != cli.ExitMisuse || stderr.String() != want || out != "" {
			t.Errorf("%q: exit %d, stdout %q, stderr\n%s\nwant\n%s", line, code, out, stderr.String(), want)
		}
	}
}

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "",
		" a\t b\r\n\nc ":                  "a b c",
		"\x1b[31mred\x1b[0m\a":            "\uFFFD[31mred\uFFFD[0m\uFFFD",
		"\u009b2J":                        "\uFFFD2J",
		"abc\u202e\u2066evil\u2069\u061c": "abcevil",
		"שלום\u200f!":                     "שלום\u200f!",
		"bad \xff\xfe":                    "bad \uFFFD\uFFFD",
		"👩\u200d👩\u200d👧 न\u093f\u200dक":    "👩\u200d👩\u200d👧 न\u093f\u200dक",
		"line\u2028separator\u00a0no-break": "line separator no-break",
	} {
		if got := cli.Clean(text); got != want {
			t.Errorf("Clean(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestFit(t *testing.T) {
	tests := []struct {
		text  string
		width int
		want  string
	}{
		{"plain", 5, "plain"}, {"plain", 4, "pla…"}, {"plain", 1, "…"}, {"plain", 0, ""}, {"", 0, ""},
		{"a bc", 3, "a…"},
		{"中文检索", 8, "中文检索"}, {"中文检索", 7, "中文检…"}, {"中文检索", 6, "中文…"},
		{"ที่นี่", 2, "ที่นี่"}, {"ที่นี่คือ", 3, "ที่นี่…"}, {"ที่นี่คือ", 2, "ที่…"},
		{"👩\u200d👩\u200d👧👍🏽", 3, "👩\u200d👩\u200d👧…"}, {"👩\u200d👩\u200d👧👍🏽", 2, "…"},
		{"e\u0301e\u0301e\u0301", 2, "e\u0301…"},
	}
	for _, test := range tests {
		if got := cli.Fit(test.text, test.width); got != test.want {
			t.Errorf("Fit(%q, %d) = %q, want %q", test.text, test.width, got, test.want)
		}
	}
}

func FuzzCleanAndFit(f *testing.F) {
	for _, text := range []string{"", "plain", "ที่นี่", "中文检索", "مُحَمَّد", "👩\u200d👩\u200d👧🇬🇷", "\x1b[2J\u202e\xff", "a\u0300\u0301 b"} {
		f.Add(text, 3)
	}
	f.Fuzz(func(t *testing.T, text string, width int) {
		width = max(0, width%200)
		clean := cli.Clean(text)
		if again := cli.Clean(clean); again != clean {
			t.Errorf("Clean(%q) = %q, cleaned again %q", text, clean, again)
		}
		if strings.ContainsFunc(clean, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e }) {
			t.Errorf("Clean(%q) = %q holds a control character", text, clean)
		}
		fitted := cli.Fit(clean, width)
		if !utf8.ValidString(fitted) || uniseg.StringWidth(fitted) > width {
			t.Errorf("Fit(%q, %d) = %q, %d wide", clean, width, fitted, uniseg.StringWidth(fitted))
		}
		if kept, cut := strings.CutSuffix(fitted, "…"); fitted != clean && fitted != "" && (!cut || !strings.HasPrefix(clean, kept)) {
			t.Errorf("Fit(%q, %d) = %q", clean, width, fitted)
		}
	})
}

func TestTable(t *testing.T) {
	columns := []cli.Column{{Title: "rank", Right: true}, {Title: "score", Right: true}, {Title: "id", Max: 8}, {Title: "title", Max: 16}, {Title: "text", Flex: true}}
	rows := [][]string{
		{"1", "0.9123", "th-0", "ภาษาไทย", "กำลังอ่านหนังสือเรื่องที่นี่"},
		{"2", "0.9000", "zh-12", "中文标题", "中文文本没有空格\n第二行"},
		{"3", "0.87", "ar-7", "العربية", "النَّصُّ مُشَكَّل"},
		{"10", "-0.1", "el-verylong-id", "Ελλάδα 🇬🇷", strings.Repeat("Ένα κείμενο. ", 12)},
		{"11", "0", "emoji", "👩‍👩‍👧 👍🏽", "e\u0301\x1b[31m"},
	}
	const want = "rank   score  id        title      text\n" +
		"   1  0.9123  th-0      ภาษาไทย    กำลังอ่านหนังสือเรื่องที่นี่\n" +
		"   2  0.9000  zh-12     中文标题   中文文本没有空格 第二行\n" +
		"   3    0.87  ar-7      العربية    النَّصُّ مُشَكَّل\n" +
		"  10    -0.1  el-very…  Ελλάδα 🇬🇷  Ένα κείμενο. Ένα κείμενο. Ένα κείμενο. Ένα κείμενο. Ένα κείμενο. Ένα κείμενο. Ένα κε…\n" +
		"  11       0  emoji     👩‍👩‍👧 👍🏽      e\u0301\uFFFD[31m\n"
	var stdout bytes.Buffer
	if err := (cli.Streams{Stdout: &stdout}).Table(columns, rows); err != nil {
		t.Fatal(err)
	}
	if stdout.String() != want {
		t.Errorf("table:\n%s\nwant:\n%s", stdout.String(), want)
	}
	for line := range strings.Lines(stdout.String()) {
		if width := uniseg.StringWidth(strings.TrimSuffix(line, "\n")); width > 120 {
			t.Errorf("%d columns: %s", width, line)
		}
	}
}

func TestNoTerminal(t *testing.T) {
	var stdout, stderr bytes.Buffer
	streams := cli.Streams{Stdin: strings.NewReader("y\n"), Stdout: &stdout, Stderr: &stderr}
	progress := streams.Progress("embed", 10, cli.Items)
	progress.Add(3)
	progress.Printf("skipped %s", "a")
	progress.Close()
	if stderr.String() != "skipped a\n" {
		t.Errorf("stderr %q", stderr.String())
	}
	_, err := streams.Confirm(t.Context(), "Delete?")
	code := cli.Execute(t.Context(), "indexer", func(context.Context, []string, cli.Streams) error { return err }, nil, streams)
	if code != cli.ExitMisuse || !strings.HasSuffix(stderr.String(), "indexer: hint: pass --yes to confirm\n") {
		t.Errorf("exit %d, stderr %q", code, stderr.String())
	}
}
