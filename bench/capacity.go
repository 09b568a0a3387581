package main

import (
	"fmt"
	"io"
	"math"
)

// layout is how a Qdrant collection keeps its vectors.
type layout struct {
	name string
	// bytes a component: of the vectors as they came, and of the quantised copy
	original, quantised float64
	// fixed is what a quantised vector has besides its components.
	fixed float64
	// onDisk leaves the originals on disk, for the rescoring alone.
	onDisk bool
}

var layouts = []layout{
	{name: "float32", original: 4},
	{name: "float16", original: 2},
	{name: "float32 on disk, int8 in memory", original: 4, quantised: 1, fixed: 8, onDisk: true},
	{name: "float32 on disk, 4-bit in memory", original: 4, quantised: 0.5, fixed: 35, onDisk: true},
	{name: "float32 on disk, 1-bit in memory", original: 4, quantised: 0.125, fixed: 13, onDisk: true},
}

// What a point takes besides its vector in Qdrant; bench/scaling.py measures it.
const (
	hnswM       = 16
	graphFill   = 0.95 // of the 2·m links of the lowest layer that are used
	upperLayers = 1.0 / hnswM
	idBytes     = 16 + 8 + 8 // UUID, its place, version
)

// graphBytes is what a point's links take: each is stored in as many bits as
// the number of points in a segment needs.
func graphBytes(segment float64) float64 {
	return 2 * hnswM * graphFill * (1 + upperLayers) * math.Ceil(math.Log2(segment)) / 8
}

// memory and disk are bytes a point.
func (l layout) memory(dimensions int, segment float64) float64 {
	d := float64(dimensions)
	bytes := graphBytes(segment) + idBytes + d*l.quantised + l.fixed
	if !l.onDisk {
		bytes += d * l.original
	}
	return bytes
}

func (l layout) disk(dimensions int, segment, payload float64) float64 {
	return float64(dimensions)*(l.original+l.quantised) + l.fixed + graphBytes(segment) + idBytes + payload
}

// Of a node's memory, a fifth is left to the system, to requests and to the
// segments that are being rewritten.
const (
	nodeGiB    = 64.0
	usable     = 0.8
	segmentMax = 2e6 // points: eight segments a node of common size
	passage    = 700 // bytes of payload: a paragraph with its ids and hash
	replicas   = 2
)

// printCapacity prints the computed tables of docs/scaling.md.
func printCapacity(w io.Writer) {
	fmt.Fprintf(w, "Million vectors that a node of %.0f GiB holds:\n\n| vectors | 384 | 768 | 1024 | 1536 | 3072 |\n|-|-|-|-|-|-|\n", nodeGiB)
	for _, l := range layouts {
		fmt.Fprintf(w, "| %s |", l.name)
		for _, d := range []int{384, 768, 1024, 1536, 3072} {
			fmt.Fprintf(w, " %.3g |", nodeGiB*usable*(1<<30)/l.memory(d, segmentMax)/1e6)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "\nPassages of 1,024 dimensions, %d replicas: memory and disk of the cluster, nodes of %.0f GiB:\n\n", replicas, nodeGiB)
	fmt.Fprintln(w, "| vectors | 10 million | 100 million | 1 billion |\n|-|-|-|-|")
	for _, l := range layouts {
		fmt.Fprintf(w, "| %s |", l.name)
		for _, n := range []float64{1e7, 1e8, 1e9} {
			memory := n * replicas * l.memory(1024, segmentMax)
			disk := n * replicas * l.disk(1024, segmentMax, passage)
			nodes := math.Max(replicas, math.Ceil(memory/(nodeGiB*usable*(1<<30))))
			fmt.Fprintf(w, " %s, %s, %.0f |", bytesText(memory), bytesText(disk), nodes)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "\nA search by full scan at %.0f GB/s, top 10, one query, seconds:\n\n| dimensions | 1 million | 10 million | 100 million | 1 billion |\n|-|-|-|-|-|\n", scanGBs)
	for _, d := range []int{384, 1024} {
		fmt.Fprintf(w, "| %d |", d)
		for _, n := range []float64{1e6, 1e7, 1e8, 1e9} {
			fmt.Fprintf(w, " %.3g |", n*float64(d)*4/(scanGBs*1e9))
		}
		fmt.Fprintln(w)
	}
}

// scanGBs is how fast the embedded engine reads vectors on the machine of this
// file's README: 100,000 x 384 in 5.8 ms.
const scanGBs = 26.0

func bytesText(n float64) string {
	unit := "GiB"
	if n /= 1 << 30; n >= 1000 {
		n, unit = n/1024, "TiB"
	}
	return fmt.Sprintf("%.3g %s", n, unit)
}
