package serve

import (
	"strconv"
	"time"
)

// Statuses holds the HTTP status of each error code.
var Statuses = statuses

// ClientsRemembered returns how many clients are remembered after so many came.
func ClientsRemembered(came int) int {
	c, now := newClients(5), time.Now()
	for i := range came {
		c.wait(strconv.Itoa(i), now)
	}
	return len(c.seen)
}
