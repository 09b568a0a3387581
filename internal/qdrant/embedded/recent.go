package embedded

import "sync"

// recentRows remembers where the points lie that searches over a view found
// last: those are what is read by id next, and each look-up in the catalog costs
// as much as thousands of rows of a scan.
type recentRows struct {
	mu   sync.Mutex
	rows map[pointKey]int
}

// maxRecent bounds what is remembered; maxRecentHits what one search adds.
const (
	maxRecent     = 8192
	maxRecentHits = 1024
)

func (r *recentRows) add(v *view, hits []scored) {
	r.mu.Lock()
	defer r.mu.Unlock()
	hits = hits[:min(len(hits), maxRecentHits)]
	if r.rows == nil || len(r.rows)+len(hits) > maxRecent {
		r.rows = make(map[pointKey]int, len(hits))
	}
	for _, hit := range hits {
		r.rows[v.record(hit.row).key()] = hit.row
	}
}

// of returns the rows of the points, if all are known.
func (r *recentRows) of(keys []pointKey) (map[pointKey]int, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rows := make(map[pointKey]int, len(keys))
	for _, key := range keys {
		row, known := r.rows[key]
		if !known {
			return nil, false
		}
		rows[key] = row
	}
	return rows, true
}
