package report

import (
	"bytes"
	"fmt"
	"html/template"
	"image/color"
	"regexp"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// gonum/plot knows fixed colours only, and the page has two palettes. So plots
// are drawn in colours that stand for a custom property of the page's style
// sheet each, and svg writes the property's name in their place.
var (
	ink    = color.RGBA{R: 0x10, A: 0xff}
	muted  = color.RGBA{R: 0x20, A: 0xff}
	rule   = color.RGBA{R: 0x30, A: 0xff}
	band   = color.RGBA{R: 0x40, A: 0xff}
	accent = color.RGBA{R: 0x50, A: 0xff}
	paper  = color.RGBA{R: 0x60, A: 0xff}
	better = color.RGBA{R: 0x70, A: 0xff}
	worse  = color.RGBA{R: 0x80, A: 0xff}
	higher = color.RGBA{R: 0x90, A: 0xff}
	lower  = color.RGBA{R: 0xa0, A: 0xff}

	properties = strings.NewReplacer(
		"#100000", "var(--ink)", "#200000", "var(--muted)", "#300000", "var(--rule)", "#400000", "var(--band)",
		"#500000", "var(--accent)", "#600000", "var(--paper)", "#700000", "var(--better)", "#800000", "var(--worse)",
		"#900000", "var(--u5)", "#A00000", "var(--d5)",
	)
	// A text's own quotes are escaped, so this finds attributes only.
	styles   = regexp.MustCompile(`style="[^"]*"`)
	typeface = regexp.MustCompile(`font-family:[^;"]*;font-variant:[^;"]*;font-weight:[^;"]*;font-style:[^;"]*;?`)
)

// plotWidth is that of every plot, in its own units; on the page it scales to
// the column.
const plotWidth = 260

// svg draws a plot for the page: its colours are the page's, its texts are text
// in the page's typeface, and title is what a screen reader says.
func svg(p *plot.Plot, height vg.Length, title string) (template.HTML, error) {
	canvas := vgsvg.New(plotWidth, height)
	p.Draw(draw.New(canvas))
	var drawn bytes.Buffer
	if _, err := canvas.WriteTo(&drawn); err != nil {
		return "", fmt.Errorf("draw %.120q: %w", title, err)
	}
	_, body, found := strings.Cut(drawn.String(), "<g")
	if !found {
		return "", fmt.Errorf("draw %.120q: gonum/plot wrote no drawing", title)
	}
	body = styles.ReplaceAllStringFunc(body, func(style string) string {
		return properties.Replace(typeface.ReplaceAllString(style, ""))
	})
	return template.HTML(fmt.Sprintf(`<svg viewBox="0 0 %d %g" role="img" aria-label="%s"><g`, //nolint:gosec // every text in it is escaped, here or by vgsvg
		plotWidth, height.Points(), template.HTMLEscapeString(title)) + body), nil
}

// newPlot returns an empty plot in the page's style.
func newPlot() *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Color, axis.Width, axis.Padding = rule, 0.6, 0
		axis.Tick.Color, axis.Tick.Width, axis.Tick.Length = rule, 0.6, 3
		axis.Tick.Label = lettering(axis.Tick.Label, muted)
		axis.Label.TextStyle = lettering(axis.Label.TextStyle, muted)
	}
	return p
}

// lettering returns the style of the plots' texts. The font serves for measuring
// only.
func lettering(style text.Style, c color.Color) text.Style {
	style.Font = font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, 10)
	style.Color = c
	style.Handler = plot.DefaultTextHandler
	return style
}
