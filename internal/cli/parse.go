package cli

import (
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/alecthomas/kong"
)

// App describes a command for Parse.
type App struct {
	Name        string
	Description string
	Vars        map[string]string // for ${name} in the help texts
}

// Parse reads args into grammar, a pointer to a struct of kong's, adding --help
// and --version. It returns ErrHelpShown where it answered one of these, and a
// UsageError with kong's message where args do not fit.
func Parse(app App, grammar any, args []string, streams Streams) (*kong.Context, error) {
	var extra struct {
		Version kong.VersionFlag `help:"Print the version and exit."`
	}
	// kong calls exit once it printed help or version, and then goes on.
	shown := false
	parser, err := kong.New(grammar,
		kong.Name(app.Name), kong.Description(app.Description),
		kong.Embed(&extra),
		kong.Vars{"version": app.Name + " " + Version()}, kong.Vars(app.Vars),
		kong.Writers(streams.Stdout, streams.Stderr),
		kong.Exit(func(int) { shown = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		return nil, fmt.Errorf("the flags of %s: %w", app.Name, err)
	}
	parsed, err := parser.Parse(args)
	switch {
	case shown:
		return nil, ErrHelpShown
	case err != nil:
		command := app.Name
		if fault, ok := errors.AsType[*kong.ParseError](err); ok && fault.Context.Selected() != nil {
			command = fault.Context.Selected().FullPath()
		}
		return nil, WithHint(UsageError{Err: err}, "see "+command+" --help")
	}
	return parsed, nil
}

// Version returns the version of the program as the Go linker recorded it.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(unknown version)"
}
