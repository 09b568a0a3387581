package report

import (
	"cmp"
	"fmt"
	"html/template"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
)

// figure is one panel of small multiples.
type figure struct {
	Title, Note string
	Drawing     template.HTML
}

// gap is a row's difference to its baseline, ×100. A baseline differs by 0 from
// itself.
type gap struct {
	delta, low, high float64
	significant      bool
}

func gapOf(r evalsuite.Row, m metrics.Measure) gap {
	d := r.Versus[m]
	return gap{100 * d.Delta, 100 * d.Interval[0], 100 * d.Interval[1], len(r.Versus) > 0 && d.Significant()}
}

// curve is the difference to the source alone over λ.
type curve struct {
	lambdas []float64 // ascending
	gaps    []gap
	low     float64 // of the frame; the curve is cut off below
	steps   []plot.Tick
}

// curves draws a panel for the mean and for each language, on one scale.
func curves(r *evalsuite.Result, m metrics.Measure) ([]figure, error) {
	var all []curve
	low, high := -0.5, 0.5
	groups := byLang(r)
	for _, g := range groups {
		slices.SortStableFunc(g.rows, func(a, b evalsuite.Row) int { return cmp.Compare(a.Lambda, b.Lambda) })
		var c curve
		for _, row := range g.rows {
			at := gapOf(row, m)
			if !finite(row.Lambda, at.delta, at.low, at.high) {
				continue
			}
			c.lambdas, c.gaps = append(c.lambdas, row.Lambda), append(c.gaps, at)
			low, high = min(low, at.low), max(high, at.high)
		}
		all = append(all, c)
	}
	// Small λ often lose far more than any λ gains. The frame shows the gains.
	low = max(low, -2*high)
	low, high = low-0.05*(high-low), high+0.05*(high-low)
	var figures []figure
	for i, c := range all {
		c.low, c.steps = low, ticks(low, high)
		p := newPlot()
		p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 1, low, high
		p.X.Label.Text = "λ"
		p.X.Tick.Marker = plot.ConstantTicks{{Value: 0, Label: "0"}, {Value: 0.25, Label: "0.25"}, {Value: 0.5, Label: "0.5"}, {Value: 0.75, Label: "0.75"}, {Value: 1, Label: "1"}}
		p.Y.Tick.Marker = plot.ConstantTicks(c.steps)
		p.Y.Width, p.Y.Tick.Length = 0, 0
		p.X.Padding, p.Y.Padding = 5, 4
		p.Add(c)
		name := language(groups[i].lang)
		f := figure{Title: name}
		title := name + ": no λ was measured"
		if len(c.gaps) > 0 {
			top := highest(c.gaps, func(g gap) float64 { return g.delta })
			f.Note = fmt.Sprintf("highest %s at %s", signed(c.gaps[top].delta), lambda(c.lambdas[top]))
			title = fmt.Sprintf("%s: difference to the source alone in points over λ, %s", name, f.Note)
		}
		var err error
		if f.Drawing, err = svg(p, 165, title); err != nil {
			return nil, err
		}
		figures = append(figures, f)
	}
	return figures, nil
}

// Plot implements plot.Plotter.
func (c curve) Plot(canvas draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&canvas)
	for _, t := range c.steps {
		style := draw.LineStyle{Color: rule, Width: 0.4}
		if t.Value == 0 {
			style = draw.LineStyle{Color: ink, Width: 0.7}
		}
		canvas.StrokeLine2(style, canvas.Min.X, y(t.Value), canvas.Max.X, y(t.Value))
	}
	var line, outline []vg.Point
	for i, g := range c.gaps {
		line = append(line, vg.Point{X: x(c.lambdas[i]), Y: y(g.delta)})
		outline = append(outline, vg.Point{X: x(c.lambdas[i]), Y: y(g.high)})
	}
	for i, g := range slices.Backward(c.gaps) {
		outline = append(outline, vg.Point{X: x(c.lambdas[i]), Y: y(g.low)})
	}
	if len(line) > 1 {
		canvas.FillPolygon(band, canvas.ClipPolygonXY(outline))
		canvas.StrokeLines(draw.LineStyle{Color: accent, Width: 1.4}, canvas.ClipLinesXY(line)...)
	}
	for i, g := range c.gaps {
		if g.delta < c.low {
			continue
		}
		switch {
		case g.significant && g.delta > 0:
			dot(canvas, line[i], 2.1, better)
		case g.significant:
			dot(canvas, line[i], 2.1, worse)
		case len(line) == 1:
			dot(canvas, line[i], 2.1, accent)
		}
	}
}

func dot(canvas draw.Canvas, at vg.Point, radius vg.Length, c color.Color) {
	canvas.DrawGlyphNoClip(draw.GlyphStyle{Color: paper, Radius: radius + 0.7, Shape: draw.CircleGlyph{}}, at)
	canvas.DrawGlyphNoClip(draw.GlyphStyle{Color: c, Radius: radius, Shape: draw.CircleGlyph{}}, at)
}

// bars are differences to the source alone, one a translator.
type bars struct {
	names []string
	gaps  []gap
	steps []plot.Tick
}

// barHeight is that of a translator's name and bar together.
const barHeight = 33

// translatorBars draws a panel for the mean and for each language, on one scale.
func translatorBars(r *evalsuite.Result, m metrics.Measure) ([]figure, error) {
	var all []bars
	var figures []figure
	low, high := -0.5, 0.5
	for _, g := range byLang(r) {
		var b bars
		f := figure{Title: language(g.lang)}
		for _, row := range g.rows {
			at := gapOf(row, m)
			if len(row.Versus) == 0 || !finite(at.delta, at.low, at.high) {
				continue
			}
			b.names, b.gaps = append(b.names, row.Translator), append(b.gaps, at)
			low, high = min(low, at.low), max(high, at.high)
			f.Note = "n = " + count(row.Queries)
		}
		if len(b.gaps) > 0 {
			all, figures = append(all, b), append(figures, f)
		}
	}
	low, high = low-0.04*(high-low), high+0.04*(high-low)
	for i, b := range all {
		b.steps = ticks(low, high)
		p := newPlot()
		p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = low, high, -float64(len(b.gaps)), 0
		p.HideY()
		p.X.Tick.Marker = plot.ConstantTicks(b.steps)
		p.X.Width, p.X.Tick.Length = 0, 0
		p.X.Padding, p.Y.Padding = 2, 8
		p.Add(b)
		title := figures[i].Title + ": difference to the source alone in points by translator of the anchors:"
		for j, name := range b.names {
			title += fmt.Sprintf(" %s %s;", name, signed(b.gaps[j].delta))
		}
		var err error
		if figures[i].Drawing, err = svg(p, vg.Length(24+barHeight*len(b.gaps)), title); err != nil {
			return nil, err
		}
	}
	return figures, nil
}

// Plot implements plot.Plotter.
func (b bars) Plot(canvas draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&canvas)
	for _, t := range b.steps {
		style := draw.LineStyle{Color: rule, Width: 0.4}
		if t.Value == 0 {
			style = draw.LineStyle{Color: ink, Width: 0.7}
		}
		canvas.StrokeLine2(style, x(t.Value), canvas.Min.Y, x(t.Value), canvas.Max.Y)
	}
	label := lettering(text.Style{XAlign: draw.XLeft, YAlign: draw.YTop}, ink)
	for i, g := range b.gaps {
		fill := rule
		switch {
		case g.significant && g.delta > 0:
			fill = higher
		case g.significant:
			fill = lower
		}
		top := y(-float64(i)) - 15
		canvas.FillPolygon(fill, []vg.Point{{X: x(0), Y: top}, {X: x(g.delta), Y: top}, {X: x(g.delta), Y: top - 10}, {X: x(0), Y: top - 10}})
		interval := draw.LineStyle{Color: ink, Width: 1}
		canvas.StrokeLine2(interval, x(g.low), top-5, x(g.high), top-5)
		for _, end := range []float64{g.low, g.high} {
			canvas.StrokeLine2(interval, x(end), top-2.5, x(end), top-7.5)
		}
		canvas.FillText(label, vg.Point{X: canvas.Min.X, Y: y(-float64(i)) - 1}, shorten(b.names[i], 30)+"  "+signed(g.delta))
	}
}

// ticks returns at most seven round values within a range of points that holds
// 0.
func ticks(low, high float64) []plot.Tick {
	step := 100.0
	for _, s := range []float64{0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50} {
		if (high-low)/s <= 7 {
			step = s
			break
		}
	}
	var marks []plot.Tick
	for i := math.Ceil(low / step); i*step <= high; i++ {
		label := weight(math.Abs(i * step))
		switch {
		case i < 0:
			label = "−" + label
		case i > 0:
			label = "+" + label
		}
		marks = append(marks, plot.Tick{Value: i * step, Label: label})
	}
	return marks
}
