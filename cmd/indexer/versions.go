package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/query-synergy/query-synergy/internal/cli"
	"github.com/query-synergy/query-synergy/internal/config"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/qdrant/embedded"
	"github.com/query-synergy/query-synergy/internal/setup"
)

type rollbackCommand struct {
	keyFlags
	To   uint64 `placeholder:"N" help:"Number of the version to go to, earlier or later (default: the one before the current)."`
	JSON bool   `name:"json" help:"Print one JSON object."`
	config.StoreFlags
}

// Run moves the alias to another version.
func (c *rollbackCommand) Run(ctx context.Context, streams cli.Streams) (err error) {
	settings, key, err := c.load(c.StoreFlags)
	if err != nil {
		return err
	}
	store, err := setup.OpenStore(ctx, settings.Qdrant, embedded.ReadWrite, setup.Logger(streams.Stderr, false))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	current, err := store.Lookup(ctx, key)
	if err != nil {
		return err
	}
	versions, err := store.Versions(ctx, key)
	if err != nil {
		return err
	}
	target, err := c.target(current, versions)
	if err != nil {
		return err
	}
	if target.Name != current.Name {
		if err := store.Promote(ctx, target.Collection); err != nil {
			return err
		}
	}
	if c.JSON {
		return json.NewEncoder(streams.Stdout).Encode(struct {
			Version int    `json:"version"`
			Corpus  string `json:"corpus"`
			Lang    string `json:"lang"`
			From    string `json:"from"`
			To      string `json:"to"`
		}{1, key.Corpus, key.Lang, current.Name, target.Name})
	}
	_, err = fmt.Fprintf(streams.Stdout, "%s is now %s, in place of %s\n", key, target.Name, current.Name)
	return err
}

// target chooses the version to go to.
func (c *rollbackCommand) target(current qdrant.Collection, versions []qdrant.Version) (qdrant.Version, error) {
	var there []string
	for _, v := range slices.Backward(versions) {
		switch {
		case v.Building:
			if c.To == v.Number {
				return qdrant.Version{}, fmt.Errorf("version %d of %s is half made: run indexer --rebuild again to finish it", v.Number, v.Key)
			}
			continue
		case c.To == v.Number, c.To == 0 && v.Number < current.Number():
			return v, nil
		}
		there = append(there, fmt.Sprint(v.Number))
	}
	slices.Reverse(there)
	if c.To != 0 {
		return qdrant.Version{}, fmt.Errorf("%s has no version %d: it has %s", current.Key, c.To, strings.Join(there, ", "))
	}
	return qdrant.Version{}, fmt.Errorf("%s has no version before %d, the current one", current.Key, current.Number())
}

type pruneCommand struct {
	keyFlags
	Keep       int  `default:"0" placeholder:"N" help:"How many of the newest versions to keep besides the current one (default: ${default})."`
	Unfinished bool `help:"Delete a half-made version, too, which a rebuild would go on with."`
	Yes        bool `short:"y" help:"Do not ask."`
	JSON       bool `name:"json" help:"Print one JSON object."`
	config.StoreFlags
}

// Run deletes old versions, after asking.
func (c *pruneCommand) Run(ctx context.Context, streams cli.Streams) (err error) {
	settings, key, err := c.load(c.StoreFlags)
	if err != nil {
		return err
	}
	if c.Keep < 0 {
		return cli.UsageError{Err: fmt.Errorf("--keep: %d: want 0 or more", c.Keep)}
	}
	old, where, err := c.find(ctx, settings.Qdrant, key, streams)
	if err != nil {
		return err
	}
	if len(old) > 0 && !c.Yes {
		ok, err := streams.Confirm(ctx, fmt.Sprintf("Delete %s from %s?", described(old), where))
		if err != nil {
			return err
		}
		if !ok {
			return errors.New("nothing was deleted")
		}
	}
	deleted := []string{}
	if len(old) > 0 {
		if deleted, err = remove(ctx, settings.Qdrant, old, streams); err != nil {
			return err
		}
	}
	if c.JSON {
		return json.NewEncoder(streams.Stdout).Encode(struct {
			Version int      `json:"version"`
			Corpus  string   `json:"corpus"`
			Lang    string   `json:"lang"`
			Deleted []string `json:"deleted"`
		}{1, key.Corpus, key.Lang, deleted})
	}
	if len(deleted) == 0 {
		_, err = fmt.Fprintf(streams.Stdout, "%s has no versions to delete\n", key)
		return err
	}
	_, err = fmt.Fprintf(streams.Stdout, "deleted %s\n", strings.Join(deleted, ", "))
	return err
}

// find returns what is to be deleted. It reads only, so that nobody is locked out
// while the answer is awaited.
func (c *pruneCommand) find(ctx context.Context, s config.Qdrant, key qdrant.Key, streams cli.Streams) (old []qdrant.Version, where string, err error) {
	store, err := setup.OpenStore(ctx, s, embedded.ReadOnly, setup.Logger(streams.Stderr, false))
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if _, err := store.Lookup(ctx, key); err != nil {
		return nil, "", err
	}
	versions, err := store.Versions(ctx, key)
	return c.choose(versions), store.Where, err
}

// remove deletes versions. One that became the current one meanwhile is refused
// by the store.
func remove(ctx context.Context, s config.Qdrant, old []qdrant.Version, streams cli.Streams) (deleted []string, err error) {
	store, err := setup.OpenStore(ctx, s, embedded.ReadWrite, setup.Logger(streams.Stderr, false))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	for _, v := range old {
		if err := store.Remove(ctx, v.Collection); err != nil {
			return deleted, err
		}
		deleted = append(deleted, v.Name)
	}
	return deleted, nil
}

// choose returns the versions to delete, the oldest first.
func (c *pruneCommand) choose(versions []qdrant.Version) []qdrant.Version {
	var old []qdrant.Version
	kept := 0
	for _, v := range slices.Backward(versions) {
		switch {
		case v.Current:
		case v.Building:
			if c.Unfinished {
				old = append(old, v)
			}
		case kept < c.Keep:
			kept++
		default:
			old = append(old, v)
		}
	}
	slices.Reverse(old)
	return old
}

// described lists versions with what they hold.
func described(versions []qdrant.Version) string {
	parts := make([]string, len(versions))
	for i, v := range versions {
		parts[i] = fmt.Sprintf("%s (%s)", v.Name, counted(int(v.Passages), "passage"))
	}
	return strings.Join(parts, ", ")
}

// load reads the settings and names the index.
func (f keyFlags) load(flags ...config.Flags) (config.Settings, qdrant.Key, error) {
	settings, err := config.Load(config.Environ(), flags...)
	if err != nil {
		return config.Settings{}, qdrant.Key{}, cli.UsageError{Err: err}
	}
	key, err := f.key()
	if err != nil {
		return config.Settings{}, qdrant.Key{}, cli.UsageError{Err: err}
	}
	return settings, key, nil
}
